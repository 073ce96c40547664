// The arithmetic of one pixel, for the scalar reference and for the ends of rows in other ISAs.
#pragma once

#include <cstdint>

#include "kernels/pixels.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels {

NARROW_INLINE std::uint8_t clamp_to_byte(std::int32_t value) {
  if (value < 0) return 0;
  return static_cast<std::uint8_t>(value > 255 ? 255 : value);
}

// Output pixel x of one row.
NARROW_INLINE void resize_pixel(const ResizeRowsArgs& args, const std::uint8_t* row, std::int64_t x,
                                std::uint8_t* output) {
  const ResizeTap& tap = args.taps[x];
  const std::uint8_t* pixel = row + tap.first * args.pixel_bytes;
  const std::int32_t* weights = args.weights + tap.offset;
  std::int32_t red = std::int32_t{1} << (kResizeWeightBits - 1);
  std::int32_t green = red;
  std::int32_t blue = red;
  for (std::int64_t i = 0; i < tap.count; ++i, pixel += args.pixel_bytes) {
    red += pixel[0] * weights[i];
    green += pixel[1] * weights[i];
    blue += pixel[2] * weights[i];
  }
  output[0] = clamp_to_byte(red >> kResizeWeightBits);
  output[1] = clamp_to_byte(green >> kResizeWeightBits);
  output[2] = clamp_to_byte(blue >> kResizeWeightBits);
}

NARROW_INLINE std::uint8_t resize_column(const ResizeColumnsArgs& args, std::int64_t x) {
  std::int32_t sum = std::int32_t{1} << (kResizeWeightBits - 1);
  for (std::int64_t i = 0; i < args.count; ++i) sum += args.rows[i][x] * args.weights[i];
  return clamp_to_byte(sum >> kResizeWeightBits);
}

NARROW_INLINE void yuv_pixel(const YuvRowArgs& args, std::int64_t x, std::uint8_t* output) {
  const YuvCoefficients& by = args.coefficients;
  constexpr int kBits = 20;
  const std::int32_t above_black = args.y[x] > by.luma_zero ? args.y[x] - by.luma_zero : 0;
  const std::int32_t y = above_black * by.luma + (std::int32_t{1} << (kBits - 1));
  const std::int32_t u = args.u[x / 2 * args.chroma_step] - 128;
  const std::int32_t v = args.v[x / 2 * args.chroma_step] - 128;
  output[0] = clamp_to_byte((y + by.v_to_red * v) >> kBits);
  output[1] = clamp_to_byte((y + by.u_to_green * u + by.v_to_green * v) >> kBits);
  output[2] = clamp_to_byte((y + by.u_to_blue * u) >> kBits);
  output[3] = 0;
}

}  // namespace narrow::kernels
