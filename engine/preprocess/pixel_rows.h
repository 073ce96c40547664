// The rows of an image view as pixels of three channels that the kernels read: in place where that is possible,
// converted where it is not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/pixels.h"
#include "narrow/image_view.h"

namespace narrow::engine {

class PixelRows {
 public:
  // Rows as the kernels take them. Pixel 0 is the first one of the part of the view that counts.
  struct Rows {
    const std::uint8_t* pixels = nullptr;
    std::ptrdiff_t stride = 0;
    std::int64_t pixel_bytes = 0;  // 3 or 4
  };

  // view: valid, and outlives this object.
  PixelRows(const ImageView& view, const kernels::PixelKernels& kernels);

  [[nodiscard]] std::int64_t width() const { return part_.width; }
  [[nodiscard]] std::int64_t height() const { return part_.height; }
  // Channel 0 of the rows is blue.
  [[nodiscard]] bool blue_first() const {
    return view_.layout == PixelLayout::kBgr || view_.layout == PixelLayout::kBgra;
  }
  // The bytes that `rows` needs to convert `count` rows; 0 where it reads the view's own.
  [[nodiscard]] std::size_t workspace_bytes(std::int64_t count) const;
  // Rows [y, y + count) with at least the pixels [begin, end).
  [[nodiscard]] Rows rows(std::int64_t y, std::int64_t count, std::int64_t begin, std::int64_t end,
                          std::span<std::uint8_t> workspace) const;

 private:
  void convert(std::int64_t y, std::int64_t begin, std::int64_t end, std::uint8_t* out) const;

  ImageView view_;  // with all strides and planes filled in
  PixelRect part_;
  const kernels::PixelKernels& kernels_;
};

}  // namespace narrow::engine
