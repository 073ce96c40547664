// The reference interpreter's layers with weights, and pooling.
#include <limits>
#include <stdexcept>

#include "tests/engine/reference_node.h"

namespace narrow::testing {

using graph::Window;

namespace {

// From an accumulator to the output.
double finish(const ReferenceNode& n, double acc, const graph::QuantizedFilter& filter, std::size_t channel) {
  const double s = double{n.from().scale} * double{filter.scales[channel]};
  if (n.is_float()) return clamp(single(single(acc) * single(s)), n.node.clamp);
  return requantize(single(single(acc) * single(s / double{n.to().scale})), n.to(), cut(n.to(), n.node.clamp));
}

std::span<const std::int8_t> integers_of(const graph::Filter& filter, std::vector<std::int8_t>& buffer) {
  return filter.quantized ? filter.quantized->integers(buffer) : std::span<const std::int8_t>();
}

Tensor average(const ReferenceNode& n, const Window& window, bool count_include_pad) {
  const TensorShape& shape = n.in_shape();
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    double sum = 0;
    std::int64_t inside = 0;
    n.each_tap(window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t) {
      const double value = n.pixel(in_y, in_x, c);
      sum = n.is_float() ? single(sum + value) : sum + value - n.from().zero_point;
      ++inside;
    });
    if (count_include_pad) {
      const std::int64_t top = y * window.stride_h - window.pad.top;
      const std::int64_t left = x * window.stride_w - window.pad.left;
      const std::int64_t bottom = std::min<std::int64_t>(top + window.kernel_h, shape.height + window.pad.bottom);
      const std::int64_t right = std::min<std::int64_t>(left + window.kernel_w, shape.width + window.pad.right);
      inside = (bottom - top) * (right - left);
    }
    const auto count = static_cast<double>(inside);
    if (n.is_float()) return single(sum / count);
    const double m = single(double{n.from().scale} / (double{n.to().scale} * count));
    return requantize(single(single(sum) * m), n.to(), n.to().range);
  });
}

}  // namespace

Tensor evaluate(const ReferenceNode& n, const graph::Convolution& op) {
  std::vector<std::int8_t> buffer;
  const auto integers = integers_of(op.filter, buffer);
  const std::int64_t group_in = n.in_shape().channels / op.groups;
  const std::int64_t group_out = op.out_channels / op.groups;
  const std::int64_t taps = std::int64_t{op.window.kernel_h} * op.window.kernel_w;
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    const std::int64_t first = c / group_out * group_in;
    const auto weight_index = [&](std::int64_t tap, std::int64_t k) {
      return static_cast<std::size_t>((c * taps + tap) * group_in + k);
    };
    const auto channel = static_cast<std::size_t>(c);
    if (op.filter.quantized) {
      const graph::QuantizedFilter& filter = *op.filter.quantized;
      std::int64_t acc = filter.bias[channel];
      n.each_tap(op.window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t tap) {
        for (std::int64_t k = 0; k < group_in; ++k) {
          const auto q = static_cast<std::int64_t>(n.pixel(in_y, in_x, first + k));
          acc += (q - n.from().zero_point) * integers[weight_index(tap, k)];
        }
      });
      return finish(n, static_cast<double>(acc), filter, channel);
    }
    double acc = double{op.filter.bias[channel]};
    n.each_tap(op.window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t tap) {
      for (std::int64_t k = 0; k < group_in; ++k) {
        acc = single(acc + single(n.pixel(in_y, in_x, first + k) * double{op.filter.weights[weight_index(tap, k)]}));
      }
    });
    return clamp(acc, n.node.clamp);
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Linear& op) {
  std::vector<std::int8_t> buffer;
  const auto integers = integers_of(op.filter, buffer);
  Tensor out = n.empty();
  const std::size_t depth = n.in().size();
  for (std::size_t c = 0; c < out.size(); ++c) {
    if (op.filter.quantized) {
      std::int64_t acc = op.filter.quantized->bias[c];
      for (std::size_t k = 0; k < depth; ++k) {
        acc += (static_cast<std::int64_t>(n.in()[k]) - n.from().zero_point) * integers[c * depth + k];
      }
      out[c] = finish(n, static_cast<double>(acc), *op.filter.quantized, c);
    } else {
      double acc = double{op.filter.bias[c]};
      for (std::size_t k = 0; k < depth; ++k) {
        acc = single(acc + single(n.in()[k] * double{op.filter.weights[c * depth + k]}));
      }
      out[c] = clamp(acc, n.node.clamp);
    }
  }
  return out;
}

Tensor evaluate(const ReferenceNode& /*n*/, const graph::BatchNorm& /*op*/) {
  throw std::logic_error("a BatchNorm is not computed");
}

Tensor evaluate(const ReferenceNode& n, const graph::MaxPool& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    double largest = -std::numeric_limits<double>::infinity();
    n.each_tap(op.window, y, x, [&](std::int64_t in_y, std::int64_t in_x, std::int64_t) {
      largest = std::max(largest, n.pixel(in_y, in_x, c));
    });
    return largest;
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::AveragePool& op) {
  return average(n, op.window, op.count_include_pad);
}

Tensor evaluate(const ReferenceNode& n, const graph::GlobalAveragePool& /*op*/) {
  Window window;
  window.kernel_h = static_cast<int>(n.in_shape().height);
  window.kernel_w = static_cast<int>(n.in_shape().width);
  return average(n, window, false);
}

}  // namespace narrow::testing
