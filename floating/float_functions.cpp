#include "floating/float_functions.h"

#include <algorithm>
#include <cmath>

#include "graph/function.h"

namespace narrow::graph {

void apply_function(const float* input, float* output, const TensorShape& shape, const Function& function) {
  const std::int64_t pixels = shape.height * shape.width;
  for (std::int64_t p = 0; p < pixels; ++p) {
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      *output++ = static_cast<float>(evaluate_function(function, double{*input++}, c));
    }
  }
}

void softmax(const float* input, float* output, const TensorShape& shape) {
  const std::int64_t pixels = shape.height * shape.width;
  for (std::int64_t p = 0; p < pixels; ++p) {
    const float* x = input + p * shape.channels;
    const float* end = x + shape.channels;
    const double largest = *std::max_element(x, end);
    double sum = 0;
    for (const float* v = x; v != end; ++v) sum += std::exp(double{*v} - largest);
    for (const float* v = x; v != end; ++v) *output++ = static_cast<float>(std::exp(double{*v} - largest) / sum);
  }
}

void lrn(const float* input, float* output, const TensorShape& shape, const Lrn& op) {
  const std::int64_t pixels = shape.height * shape.width;
  const std::int64_t before = (op.size - 1) / 2;
  const std::int64_t after = op.size - 1 - before;
  for (std::int64_t p = 0; p < pixels; ++p) {
    const float* x = input + p * shape.channels;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const std::int64_t end = std::min(shape.channels, c + after + 1);
      double sum = 0;
      for (std::int64_t k = std::max<std::int64_t>(0, c - before); k < end; ++k) sum += double{x[k]} * double{x[k]};
      const double base = double{op.bias} + double{op.alpha} / op.size * sum;
      *output++ = static_cast<float>(double{x[c]} / std::pow(base, double{op.beta}));
    }
  }
}

void fake_quantize(const float* input, float* output, std::int64_t count, const Quantization& quantization) {
  const auto zero = static_cast<float>(quantization.zero_point);
  const auto lo = static_cast<float>(quantization.range.lo);
  const auto hi = static_cast<float>(quantization.range.hi);
  for (std::int64_t i = 0; i < count; ++i) {
    const float level = std::nearbyint(input[i] / quantization.scale) + zero;
    // In this order a NaN, which compares with nothing, becomes lo.
    output[i] = quantization.scale * (std::min(level > lo ? level : lo, hi) - zero);
  }
}

}  // namespace narrow::graph
