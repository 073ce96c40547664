#include "floating/float_functions.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

#include "base/exact_math.h"
#include "floating/levels.h"
#include "graph/function.h"

namespace narrow::graph {
namespace {

// The usual exponent, 3/4, is computed with square roots only.
double power(double base, double exponent) {
  if (exponent != 0.75) return base::exact_math::power(base, exponent);
  const double root = std::sqrt(base);
  return root * std::sqrt(root);
}

// Calls write(x, largest, sum) with the channels of each pixel, the largest of them, and the sum of exp(x - largest).
template <class Write>
void for_each_pixel(const float* input, const TensorShape& shape, const Write& write) {
  const auto channels = static_cast<std::size_t>(shape.channels);
  for (std::int64_t p = 0; p < shape.height * shape.width; ++p, input += channels) {
    const std::span<const float> x(input, channels);
    const double largest = *std::max_element(x.begin(), x.end());
    double sum = 0;
    for (const float v : x) sum += base::exact_math::exp(double{v} - largest);
    write(x, largest, sum);
  }
}

}  // namespace

void apply_function(const float* input, float* output, const TensorShape& shape, const Function& function) {
  const std::int64_t pixels = shape.height * shape.width;
  for (std::int64_t p = 0; p < pixels; ++p) {
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      *output++ = static_cast<float>(evaluate_function(function, double{*input++}, c));
    }
  }
}

void softmax(const float* input, float* output, const TensorShape& shape) {
  for_each_pixel(input, shape, [&output](std::span<const float> x, double largest, double sum) {
    for (const float v : x) *output++ = static_cast<float>(base::exact_math::exp(double{v} - largest) / sum);
  });
}

void log_softmax(const float* input, float* output, const TensorShape& shape) {
  for_each_pixel(input, shape, [&output](std::span<const float> x, double largest, double sum) {
    const double log_of_sum = base::exact_math::log(sum);
    for (const float v : x) *output++ = static_cast<float>((double{v} - largest) - log_of_sum);
  });
}

void lrn(const float* input, float* output, const TensorShape& shape, const Lrn& op) {
  const std::int64_t pixels = shape.height * shape.width;
  const std::int64_t before = (op.size - 1) / 2;
  const std::int64_t after = op.size - 1 - before;
  const double alpha = double{op.alpha} / op.size;
  for (std::int64_t p = 0; p < pixels; ++p) {
    const float* x = input + p * shape.channels;
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const std::int64_t end = std::min(shape.channels, c + after + 1);
      double sum = 0;
      for (std::int64_t k = std::max<std::int64_t>(0, c - before); k < end; ++k) sum += double{x[k]} * double{x[k]};
      *output++ = static_cast<float>(double{x[c]} / power(double{op.bias} + alpha * sum, double{op.beta}));
    }
  }
}

void layer_norm(const float* input, float* output, const TensorShape& shape, const LayerNorm& op) {
  const std::int64_t pixels = shape.height * shape.width;
  const auto count = static_cast<double>(shape.channels);
  for (std::int64_t p = 0; p < pixels; ++p) {
    const float* x = input + p * shape.channels;
    // Channel c is added to partial sum c mod 4.
    const auto mean_of = [&](const auto& term) {
      std::array<double, 4> sums{};
      for (std::int64_t c = 0; c < shape.channels; ++c) sums[static_cast<std::size_t>(c % 4)] += term(double{x[c]});
      return ((sums[0] + sums[1]) + (sums[2] + sums[3])) / count;
    };
    const double mean = mean_of([](double v) { return v; });
    const double variance = mean_of([mean](double v) { return (v - mean) * (v - mean); });
    const double factor = 1.0 / std::sqrt(variance + double{op.epsilon});
    for (std::int64_t c = 0; c < shape.channels; ++c) {
      const auto i = static_cast<std::size_t>(c);
      *output++ = static_cast<float>((double{x[c]} - mean) * factor * double{op.scale[i]} + double{op.shift[i]});
    }
  }
}

void fake_quantize(const float* input, float* output, std::int64_t count, const Quantization& quantization) {
  const Levels levels(quantization);
  for (std::int64_t i = 0; i < count; ++i) output[i] = levels.real(levels.nearest(input[i] / levels.scale()));
}

}  // namespace narrow::graph
