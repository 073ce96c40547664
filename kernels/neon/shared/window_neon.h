// The part of a window that lies inside the image, for convolutions and pools. Everything here has internal linkage:
// see kernels/CMakeLists.txt.
#pragma once

#include <cstdint>

#pragma GCC visibility push(hidden)
namespace narrow::kernels::neon {
namespace {

// Rows [row_begin, row_end) and columns [column_begin, column_end) of the window; none if an end is not after its
// begin.
struct WindowPart {
  std::int64_t row_begin, row_end;
  std::int64_t column_begin, column_end;

  [[nodiscard]] std::int64_t count() const {
    const std::int64_t rows = row_end > row_begin ? row_end - row_begin : 0;
    return column_end > column_begin ? rows * (column_end - column_begin) : 0;
  }
};

// The first k >= 0 with at + k * dilation >= bound, but `taps` at most.
[[maybe_unused]] std::int64_t first_tap(std::int64_t at, std::int64_t bound, std::int64_t dilation, std::int64_t taps) {
  const std::int64_t k = at >= bound ? 0 : (bound - at + dilation - 1) / dilation;
  return k < taps ? k : taps;
}

// Shape: ConvolutionShape or PoolShape. (y, x): the top left corner of the window, which may lie outside.
template <class Shape>
WindowPart part_inside(const Shape& s, std::int64_t y, std::int64_t x) {
  return {first_tap(y, 0, s.dilation_h, s.kernel_h), first_tap(y, s.in_h, s.dilation_h, s.kernel_h),
          first_tap(x, 0, s.dilation_w, s.kernel_w), first_tap(x, s.in_w, s.dilation_w, s.kernel_w)};
}

// Whether all columns of the windows of `pixels` neighbours lie inside. x: the left end of the first one.
template <class Shape>
bool columns_inside(const Shape& s, std::int64_t x, std::int64_t pixels) {
  const std::int64_t last = x + (pixels - 1) * s.stride_w + (s.kernel_w - std::int64_t{1}) * s.dilation_w;
  return x >= 0 && last < s.in_w;
}

}  // namespace
}  // namespace narrow::kernels::neon
#pragma GCC visibility pop
