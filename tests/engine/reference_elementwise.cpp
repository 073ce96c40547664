// The reference interpreter's operators without weights that compute something.
#include "base/exact_math.h"
#include "graph/function.h"
#include "tests/engine/reference_node.h"

namespace narrow::testing {
namespace {

// combine(element of the first input, element of the second), with dimensions of 1 repeated.
template <class Combine>
Tensor broadcast(const ReferenceNode& n, const Combine& combine) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    const auto element = [&](std::size_t i) {
      const TensorShape& shape = n.in_shape(i);
      return n.pixel(y % shape.height, x % shape.width, c % shape.channels, i);
    };
    return combine(element(0), element(1));
  });
}

Tensor sum(const ReferenceNode& n, double sign) {
  return broadcast(n, [&](double a, double b) {
    if (n.is_float()) return clamp(single(a + sign * b), n.node.clamp);
    // A float32 input of an integer sum has no scale of its own.
    const auto steps = [&](double x, std::size_t i) {
      return n.in_value(i).quantization ? n.rescaled(x, i) : single(x * single(1 / double{n.to().scale}));
    };
    return requantize(single(steps(a, 0) + sign * steps(b, 1)), n.to(), cut(n.to(), n.node.clamp));
  });
}

template <class Choose>
Tensor extreme(const ReferenceNode& n, const Choose& choose) {
  return broadcast(n, [&](double a, double b) {
    if (n.is_float()) return clamp(choose(a, b), n.node.clamp);
    return requantize(choose(n.rescaled(a, 0), n.rescaled(b, 1)), n.to(), cut(n.to(), n.node.clamp));
  });
}

}  // namespace

Tensor evaluate(const ReferenceNode& n, const graph::Activation& /*op*/) {
  Tensor out;
  for (const double x : n.in()) {
    out.push_back(n.is_float() ? clamp(x, n.node.clamp) : requantize(n.rescaled(x), n.to(), cut(n.to(), n.node.clamp)));
  }
  return out;
}

Tensor evaluate(const ReferenceNode& n, const graph::Add& /*op*/) { return sum(n, 1.0); }
Tensor evaluate(const ReferenceNode& n, const graph::Subtract& /*op*/) { return sum(n, -1.0); }

Tensor evaluate(const ReferenceNode& n, const graph::Multiply& /*op*/) {
  return broadcast(n, [&](double a, double b) {
    if (n.is_float()) return clamp(single(a * b), n.node.clamp);
    const double m = single(double{n.from(0).scale} * double{n.from(1).scale} / double{n.to().scale});
    const double product = (a - n.from(0).zero_point) * (b - n.from(1).zero_point);
    return requantize(single(product * m), n.to(), cut(n.to(), n.node.clamp));
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Maximum& /*op*/) {
  return extreme(n, [](double a, double b) { return a > b ? a : b; });
}

Tensor evaluate(const ReferenceNode& n, const graph::Minimum& /*op*/) {
  return extreme(n, [](double a, double b) { return a < b ? a : b; });
}

Tensor evaluate(const ReferenceNode& n, const graph::Function& op) {
  const bool per_channel = op.kind == graph::FunctionKind::kPRelu;
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    const double value = n.pixel(y, x, c);
    if (n.is_float()) return single(graph::evaluate_function(op, value, c));
    const auto row = static_cast<std::size_t>(per_channel ? c : 0);
    return double{static_cast<float>(op.table[row * 256 + static_cast<std::size_t>(value)])};
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Softmax& /*op*/) {
  const std::int64_t channels = n.in_shape().channels;
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    double largest = n.pixel(y, x, 0);
    for (std::int64_t k = 1; k < channels; ++k) largest = std::max(largest, n.pixel(y, x, k));
    double total = 0;
    for (std::int64_t k = 0; k < channels; ++k) total += base::exact_math::exp(n.pixel(y, x, k) - largest);
    return single(base::exact_math::exp(n.pixel(y, x, c) - largest) / total);
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::LogSoftmax& /*op*/) {
  const std::int64_t channels = n.in_shape().channels;
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    double largest = n.pixel(y, x, 0);
    for (std::int64_t k = 1; k < channels; ++k) largest = std::max(largest, n.pixel(y, x, k));
    double total = 0;
    for (std::int64_t k = 0; k < channels; ++k) total += base::exact_math::exp(n.pixel(y, x, k) - largest);
    return single((n.pixel(y, x, c) - largest) - base::exact_math::log(total));
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Lrn& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    double squares = 0;
    for (std::int64_t k = 0; k < n.in_shape().channels; ++k) {
      // ONNX: from c - floor((size - 1) / 2) to c + ceil((size - 1) / 2).
      const bool in_window = 2 * (c - k) <= op.size - 1 && 2 * (k - c) <= op.size;
      if (in_window) squares += n.pixel(y, x, k) * n.pixel(y, x, k);
    }
    const double base = double{op.bias} + double{op.alpha} / op.size * squares;
    const double power = op.beta == 0.75F ? std::sqrt(base) * std::sqrt(std::sqrt(base))
                                          : base::exact_math::power(base, double{op.beta});
    return single(n.pixel(y, x, c) / power);
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::LayerNorm& op) {
  return n.each_output([&](std::int64_t y, std::int64_t x, std::int64_t c) {
    const std::int64_t channels = n.in_shape().channels;
    const auto mean_of = [&](const auto& term) {
      double sums[4] = {};
      for (std::int64_t k = 0; k < channels; ++k) sums[k % 4] += term(n.pixel(y, x, k));
      return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / static_cast<double>(channels);
    };
    const double mean = mean_of([](double v) { return v; });
    const double variance = mean_of([mean](double v) { return (v - mean) * (v - mean); });
    const auto i = static_cast<std::size_t>(c);
    const double normal = (n.pixel(y, x, c) - mean) * (1.0 / std::sqrt(variance + double{op.epsilon}));
    return single(normal * double{op.scale[i]} + double{op.shift[i]});
  });
}

Tensor evaluate(const ReferenceNode& n, const graph::Quantize& /*op*/) {
  Tensor out;
  for (const double x : n.in()) out.push_back(requantize(single(x / double{n.to().scale}), n.to(), n.to().range));
  return out;
}

Tensor evaluate(const ReferenceNode& n, const graph::Dequantize& /*op*/) {
  Tensor out;
  for (const double x : n.in()) out.push_back(single(double{n.from().scale} * (x - n.from().zero_point)));
  return out;
}

}  // namespace narrow::testing
