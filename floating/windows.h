// The positions of a pool's sliding windows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::graph {

// The window's taps along one axis: first + i * dilation for i in [begin, end) lie inside the image.
struct Taps {
  std::int64_t first = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

inline Taps taps(std::int64_t out, int stride, int pad, int kernel, int dilation, std::int64_t size) {
  Taps t;
  t.first = out * stride - pad;
  t.begin = t.first >= 0 ? 0 : (-t.first + dilation - 1) / dilation;
  t.end = t.first >= size ? 0 : std::min<std::int64_t>(kernel, (size - 1 - t.first) / dilation + 1);
  t.end = std::max(t.begin, t.end);
  return t;
}

// Calls visit(output pixel, rows, columns) for every output pixel.
template <class Visit>
void for_each_window(const TensorShape& in, const TensorShape& out, const Window& w, const Visit& visit) {
  for (std::int64_t y = 0; y < out.height; ++y) {
    const Taps rows = taps(y, w.stride_h, w.pad.top, w.kernel_h, w.dilation_h, in.height);
    for (std::int64_t x = 0; x < out.width; ++x) {
      const Taps columns = taps(x, w.stride_w, w.pad.left, w.kernel_w, w.dilation_w, in.width);
      visit(y * out.width + x, rows, columns);
    }
  }
}

// Calls visit(input pixel) for the window's pixels inside the image, row by row.
template <class Visit>
void for_each_tap(const TensorShape& in, const Window& w, const Taps& rows, const Taps& columns, const Visit& visit) {
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    const std::int64_t row = rows.first + i * w.dilation_h;
    for (std::int64_t j = columns.begin; j < columns.end; ++j) visit(row * in.width + columns.first + j * w.dilation_w);
  }
}

// The number of pixels that an average is divided by: the pixels of the window inside the image or, with
// count_include_pad, all its pixels. Shape inference drops windows that reach beyond the padding.
inline std::int64_t averaged_pixels(const Window& w, const Taps& rows, const Taps& columns, bool count_include_pad) {
  if (count_include_pad) return std::int64_t{w.kernel_h} * w.kernel_w;
  return (rows.end - rows.begin) * (columns.end - columns.begin);
}

// One window over the whole image.
inline Window whole_image(const TensorShape& in) {
  Window whole;
  whole.kernel_h = static_cast<int>(in.height);
  whole.kernel_w = static_cast<int>(in.width);
  return whole;
}

}  // namespace narrow::graph
