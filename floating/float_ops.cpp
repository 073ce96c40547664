#include "floating/float_ops.h"

#include <Eigen/Core>
#include <algorithm>
#include <limits>

namespace narrow::graph {
namespace {

using Input = Eigen::Map<const Eigen::ArrayXf>;
using Output = Eigen::Map<Eigen::ArrayXf>;

// Positions of a window along one axis: first + i * dilation for i in [begin, end) lie inside the picture.
struct Taps {
  std::int64_t first = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

Taps taps(std::int64_t out, int stride, int pad, int kernel, int dilation, std::int64_t size) {
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

// Calls visit(channels of the pixel) for the window's pixels inside the picture.
template <class Visit>
void for_each_tap(const float* input, const TensorShape& in, const Window& w, const Taps& rows, const Taps& columns,
                  const Visit& visit) {
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    const std::int64_t row = rows.first + i * w.dilation_h;
    for (std::int64_t j = columns.begin; j < columns.end; ++j) {
      const std::int64_t column = columns.first + j * w.dilation_w;
      visit(Input(input + (row * in.width + column) * in.channels, in.channels));
    }
  }
}

// Where the pixel at (y, x) starts in a tensor that may be 1 high or wide.
std::int64_t pixel_start(const TensorShape& shape, std::int64_t y, std::int64_t x) {
  return ((shape.height == 1 ? 0 : y) * shape.width + (shape.width == 1 ? 0 : x)) * shape.channels;
}

template <class Combine>
void combine_with(const Combine& combine, const float* a, const TensorShape& a_shape, const float* b,
                  const TensorShape& b_shape, float* output, const TensorShape& out, const Clamp& clamp) {
  if (a_shape == b_shape) {
    Output(output, out.elems()) = combine(Input(a, out.elems()), Input(b, out.elems())).max(clamp.lo).min(clamp.hi);
    return;
  }
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x) {
      const float* p = a + pixel_start(a_shape, y, x);
      const float* q = b + pixel_start(b_shape, y, x);
      Output result(output + (y * out.width + x) * out.channels, out.channels);
      if (a_shape.channels == b_shape.channels) {
        result = combine(Input(p, out.channels), Input(q, out.channels));
      } else if (a_shape.channels == 1) {
        result = combine(Eigen::ArrayXf::Constant(out.channels, *p), Input(q, out.channels));
      } else {
        result = combine(Input(p, out.channels), Eigen::ArrayXf::Constant(out.channels, *q));
      }
      result = result.max(clamp.lo).min(clamp.hi);
    }
  }
}

}  // namespace

void clamp_values(const float* input, float* output, std::int64_t count, const Clamp& clamp) {
  Output(output, count) = Input(input, count).max(clamp.lo).min(clamp.hi);
}

void combine(Binary op, const float* a, const TensorShape& a_shape, const float* b, const TensorShape& b_shape,
             float* output, const TensorShape& out, const Clamp& clamp) {
  switch (op) {
    case Binary::kAdd:
      return combine_with([](const auto& p, const auto& q) { return p + q; }, a, a_shape, b, b_shape, output, out,
                          clamp);
    case Binary::kSubtract:
      return combine_with([](const auto& p, const auto& q) { return p - q; }, a, a_shape, b, b_shape, output, out,
                          clamp);
    case Binary::kMultiply:
      return combine_with([](const auto& p, const auto& q) { return p * q; }, a, a_shape, b, b_shape, output, out,
                          clamp);
  }
}

void max_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Window& window) {
  for_each_window(in, out, window, [&](std::int64_t pixel, const Taps& rows, const Taps& columns) {
    Output y(output + pixel * out.channels, out.channels);
    y.setConstant(-std::numeric_limits<float>::infinity());
    for_each_tap(input, in, window, rows, columns, [&](const Input& x) { y = y.max(x); });
  });
}

void average_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out,
                  const Window& window, bool count_include_pad) {
  for_each_window(in, out, window, [&](std::int64_t pixel, const Taps& rows, const Taps& columns) {
    Output y(output + pixel * out.channels, out.channels);
    y.setZero();
    for_each_tap(input, in, window, rows, columns, [&](const Input& x) { y += x; });
    // Shape inference drops windows that would hang over the padding.
    const std::int64_t padded = std::int64_t{window.kernel_h} * window.kernel_w;
    const std::int64_t inside = (rows.end - rows.begin) * (columns.end - columns.begin);
    y /= static_cast<float>(count_include_pad ? padded : inside);
  });
}

}  // namespace narrow::graph
