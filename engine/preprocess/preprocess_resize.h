// Resampling of 8-bit RGB. It computes only the pixels that a crop keeps.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow::engine {

// A rectangle of pixels: columns [left, left + width), rows [top, top + height).
struct PixelBox {
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  friend bool operator==(const PixelBox&, const PixelBox&) = default;
};

inline constexpr std::int64_t kMaxSide = std::int64_t{1} << 26;
// Error: kLimit for sides beyond what fixed-point arithmetic can resize.
[[nodiscard]] Status check_resize(std::int64_t in_width, std::int64_t in_height, std::int64_t width,
                                  std::int64_t height);

// Error: the output of this preprocessing has not `elems` elements. what: "floats" or "integers".
[[nodiscard]] Status check_output(const Preprocessing& preprocessing, std::size_t elems, const char* what);

// Resizes `image` to `width` x `height` and returns the pixels inside `box`. The values do not depend on the box.
// antialias: the bytes are those of Pillow's Image.resize. Otherwise they are within one level of OpenCV's cv2.resize
// with INTER_LINEAR, INTER_CUBIC or INTER_AREA. kNearest is Pillow's in both cases.
// Preconditions: the box lies inside the result and is not empty; `image` is valid and its sides are at most
// kMaxSide. Error: that of check_resize().
[[nodiscard]] Result<Picture> resize_box(const Picture& image, std::int64_t width, std::int64_t height,
                                         const PixelBox& box, Interpolation interpolation, bool antialias);

}  // namespace narrow::engine
