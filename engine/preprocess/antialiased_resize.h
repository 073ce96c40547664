// A resize with antialiasing, row by row: the bytes are those of Pillow's Image.resize (src/libImaging/Resample.c).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/preprocess/pixel_rows.h"
#include "engine/preprocess/preprocess_resize.h"
#include "engine/preprocess/resize_filters.h"
#include "kernels/pixels.h"

namespace narrow::engine {

class AntialiasedResize {
 public:
  explicit AntialiasedResize(const kernels::PixelKernels& kernels) : kernels_(&kernels) {}

  struct Sizes {
    std::int64_t in_width = 0;
    std::int64_t in_height = 0;
    std::int64_t width = 0;  // after resizing
    std::int64_t height = 0;
    PixelBox box;  // the pixels of the result that are asked for
    friend bool operator==(const Sizes&, const Sizes&) = default;
  };

  // Begins with an image, whose size is in `sizes`. Allocates nothing if sizes, interpolation and the rows' workspace
  // are what they were. `rows` must outlive the last next_row().
  void begin(const PixelRows& rows, const Sizes& sizes, Interpolation interpolation);
  // Writes the next row of the box, [box.width, 3], in the order of the rows' channels.
  void next_row(std::uint8_t* out);

 private:
  void plan(const Sizes& sizes, Interpolation interpolation);
  void narrow_rows_to(std::int64_t end);
  [[nodiscard]] std::uint8_t* narrowed_row(std::int64_t y);

  const kernels::PixelKernels* kernels_;
  Sizes sizes_;
  Interpolation interpolation_ = Interpolation::kBilinear;

  // An empty filter: that axis keeps its size.
  Filter columns_;
  Filter rows_filter_;
  std::int64_t first_row_ = 0;  // rows [first_row_, last_row_) of the image are read
  std::int64_t last_row_ = 0;
  std::int64_t first_pixel_ = 0;  // and pixels [first_pixel_, last_pixel_) of each
  std::int64_t last_pixel_ = 0;

  // Rows after the horizontal pass; row y is at (y - first_row_) % kept_rows_.
  std::vector<std::uint8_t> narrowed_;
  std::int64_t kept_rows_ = 0;
  std::vector<const std::uint8_t*> row_pointers_;
  std::vector<std::uint8_t> workspace_;

  const PixelRows* source_ = nullptr;
  std::int64_t next_in_ = 0;   // row of the image
  std::int64_t next_out_ = 0;  // row of the box
};

}  // namespace narrow::engine
