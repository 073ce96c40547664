// Pixels family: the two passes of a resize with antialiasing, and the conversion of video frames to RGB.
// Pixels have 8 bits per channel. Nothing outside the elements named here is written, and of the input nothing outside
// the pixels named here is read. No pointer is aligned. Input and output do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::kernels {

// Weights are integers with this many bits after the point: 32, minus 8 for the pixel, minus 2 of headroom.
inline constexpr int kResizeWeightBits = 32 - 8 - 2;
// The weights of an output pixel are followed by zeros up to a multiple of this number.
inline constexpr std::int64_t kResizeWeightGroup = 4;

// The input of one output pixel (or row): `count` pixels (or rows) from `first` on, with the weights at `offset`.
struct ResizeTap {
  std::int64_t first;
  std::int64_t count;
  std::int64_t offset;
};

// The horizontal pass. For each row, output pixel x and channel c < 3:
//   y = clamp((2^21 + sum of weight[i] * input[first + i][c]) >> 22, 0, 255).
// The sums fit into int32. 1 <= count, first + count <= input_pixels. Neither `first` nor first + count falls from one
// output pixel to the next.
struct ResizeRowsArgs {
  const std::uint8_t* input;  // [rows, input_pixels, pixel_bytes], of which the first three bytes are channels
  std::int64_t input_stride;  // bytes from one row to the next; may be negative
  std::int64_t input_pixels;
  std::int64_t pixel_bytes;  // 3 or 4
  std::int64_t rows;
  const ResizeTap* taps;        // [output_pixels]
  const std::int32_t* weights;  // |weight| < 2^30
  std::uint8_t* output;         // [rows, output_pixels, 3]
  std::int64_t output_stride;   // bytes
  std::int64_t output_pixels;
};

// The vertical pass, of one output row: y[x] = clamp((2^21 + sum of weight[i] * rows[i][x]) >> 22, 0, 255).
struct ResizeColumnsArgs {
  const std::uint8_t* const* rows;  // [count] of [elems]
  const std::int32_t* weights;      // [count]
  std::int64_t count;
  std::int64_t elems;
  std::uint8_t* output;  // [elems]
};

// Integers with 20 bits after the point.
struct YuvCoefficients {
  std::int32_t luma_zero;  // the luma of black
  std::int32_t luma;
  std::int32_t v_to_red;
  std::int32_t u_to_green;
  std::int32_t v_to_green;
  std::int32_t u_to_blue;
};

// One row of a frame with a U and a V for each two pixels. With y = luma * max(Y - luma_zero, 0) + 2^19, u = U - 128
// and v = V - 128:
//   red = clamp((y + v_to_red * v) >> 20, 0, 255), blue = clamp((y + u_to_blue * u) >> 20, 0, 255),
//   green = clamp((y + u_to_green * u + v_to_green * v) >> 20, 0, 255).
// Pixel x, counted from the row's first one, has the luma y[x] and the chroma of index x / 2.
struct YuvRowArgs {
  const std::uint8_t* y;
  const std::uint8_t* u;
  const std::uint8_t* v;
  std::int64_t chroma_step;  // bytes from one U (or V) to the next: 1 or 2; with 2, u and v are neighbours
  std::int64_t begin;        // pixels [begin, end) are converted; begin is even
  std::int64_t end;
  YuvCoefficients coefficients;
  std::uint8_t* output;  // [end - begin, 4]: red, green, blue, 0
};

struct PixelKernels {
  const char* resize_rows_name;
  void (*resize_rows)(const ResizeRowsArgs& args);
  const char* resize_columns_name;
  void (*resize_columns)(const ResizeColumnsArgs& args);
  const char* yuv_row_name;
  void (*yuv_row)(const YuvRowArgs& args);
};

[[nodiscard]] const PixelKernels& pixel_kernels(Isa isa);

}  // namespace narrow::kernels
