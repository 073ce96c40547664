// The shape of a sliding window as kernels take it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::engine {

// What ConvolutionShape and PoolShape share: height and width of input and output, and the window. The channels are
// left to the caller. graph::validate limits all dimensions to far below the largest int.
template <class Shape>
[[nodiscard]] Shape window_shape(const graph::Window& window, const TensorShape& in, const TensorShape& out) {
  Shape shape;
  shape.in_h = static_cast<int>(in.height);
  shape.in_w = static_cast<int>(in.width);
  shape.out_h = static_cast<int>(out.height);
  shape.out_w = static_cast<int>(out.width);
  shape.kernel_h = window.kernel_h;
  shape.kernel_w = window.kernel_w;
  shape.stride_h = window.stride_h;
  shape.stride_w = window.stride_w;
  shape.dilation_h = window.dilation_h;
  shape.dilation_w = window.dilation_w;
  shape.pad = window.pad;
  return shape;
}

// The most taps of a window that lie in the image. At most 2^31, and so are they times the elements of a row.
[[nodiscard]] inline std::int64_t most_taps(const graph::Window& window, const TensorShape& in) {
  return std::min<std::int64_t>(window.kernel_h, in.height) * std::min<std::int64_t>(window.kernel_w, in.width);
}

}  // namespace narrow::engine
