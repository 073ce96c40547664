#include "graph/float_executor/float_ops.h"

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

}  // namespace

void clamp_values(const float* input, float* output, std::int64_t count, const Clamp& clamp) {
  Output(output, count) = Input(input, count).max(clamp.lo).min(clamp.hi);
}

void add_values(const float* a, const float* b, float* output, std::int64_t count, const Clamp& clamp) {
  Output(output, count) = (Input(a, count) + Input(b, count)).max(clamp.lo).min(clamp.hi);
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

void copy_channels(const float* input, std::int64_t channels, float* output, std::int64_t output_channels,
                   std::int64_t first_channel, std::int64_t pixels) {
  for (std::int64_t p = 0; p < pixels; ++p) {
    std::copy_n(input + p * channels, channels, output + p * output_channels + first_channel);
  }
}

}  // namespace narrow::graph
