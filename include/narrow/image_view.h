// Images in memory that belongs to the caller: camera frames, decoded video, buffers of other libraries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "narrow/preprocess.h"
#include "narrow/result.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// How pixels lie in memory, 8 bits per value. kRgba and kBgra: the fourth byte is not read. kNv12: a plane of luma,
// then one of half the height with U and V in turn. kI420: a plane of luma, then one of U and one of V, half as wide
// and half as high. With kNv12 and kI420 width and height are even.
enum class PixelLayout { kRgb, kBgr, kRgba, kBgra, kGray, kNv12, kI420 };

// What luma and chroma mean; only for kNv12 and kI420. kernels/pixels.h has the formula. kBt601: luma 16..235, the
// bytes of OpenCV's cvtColor. kBt601Full: luma 0..255, as in JPEG. kBt709: luma 16..235, video of 720 lines and more.
enum class YuvCoding { kBt601, kBt601Full, kBt709 };

// A rectangle of pixels.
struct PixelRect {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

// Pixels are only read, and only while a function that takes the view runs.
struct ImageView {
  const std::uint8_t* data = nullptr;  // the first pixel of the top row, or of the plane of luma
  int width = 0;                       // in pixels
  int height = 0;
  std::ptrdiff_t stride = 0;  // bytes from one row to the next, negative if rows go upwards; 0: no gap between rows
  PixelLayout layout = PixelLayout::kRgb;
  std::optional<PixelRect> roi = std::nullopt;  // the part that counts; nothing: all of it

  // The planes of U and V. nullptr: each follows the plane before it, which then has a stride that is not negative.
  // kNv12: `u` is the plane of both (NV21: `v` is its first byte and `u` its second). kI420: give both or none.
  const std::uint8_t* u = nullptr;
  const std::uint8_t* v = nullptr;
  std::ptrdiff_t chroma_stride = 0;  // of their rows, in bytes; 0: kNv12 as `stride`, kI420 half of it
  YuvCoding coding = YuvCoding::kBt601;
};

// Error: kInvalidArgument, what is wrong with the view: no data, a size below 1, an odd size with chroma, a stride that
// is smaller than a row or beyond 2^31, a part that is empty or not inside.
[[nodiscard]] Status validate(const ImageView& view);

// All pixels of an image. It must outlive the view.
[[nodiscard]] ImageView view_of(const Picture& image);

// A copy of the part that counts, as RGB. Errors: those of validate(), kLimit (no memory).
[[nodiscard]] Result<Picture> to_picture(const ImageView& view);

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
