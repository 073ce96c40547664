// Softmax, its logarithm, local response normalization and layer normalization, which exist on float32 only.
// docs/numerics.md prescribes every bit.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/exact_math.h"
#include "engine/plan/make_step.h"

namespace narrow::engine {
namespace {

// About the cost of an exponential.
constexpr std::int64_t kFunctionCost = 64;
// A channel of a layer normalization, in the same unit.
constexpr std::int64_t kLayerNormCost = 8;

// A work row is a pixel, whose channels are normalized together.
class NormalizationStep : public Step {
 public:
  NormalizationStep(const NodePlace& place, const char* kernel, std::int64_t cost_per_element)
      : Step(place.result().shape.height * place.result().shape.width, cost_per_element * place.result().shape.channels,
             {place.node.name, kernel, 0}),
        channels_(place.result().shape.channels),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const final {
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      normalize(context.read_f32(input_) + pixel * channels_, context.write_f32(output_) + pixel * channels_);
    }
  }

 protected:
  virtual void normalize(const float* x, float* y) const = 0;
  [[nodiscard]] std::int64_t channels() const { return channels_; }

 private:
  std::int64_t channels_;
  Location input_;
  Location output_;
};

double largest_of(const float* x, std::int64_t count) {
  float largest = x[0];
  for (std::int64_t c = 1; c < count; ++c) largest = x[c] > largest ? x[c] : largest;
  return largest;
}

// The sum of exp(x - largest), ascending.
double sum_of_powers(const float* x, std::int64_t count, double largest) {
  double sum = 0;
  for (std::int64_t c = 0; c < count; ++c) sum += base::exact_math::exp(double{x[c]} - largest);
  return sum;
}

class SoftmaxStep final : public NormalizationStep {
 public:
  explicit SoftmaxStep(const NodePlace& place) : NormalizationStep(place, "softmax_f32", 2 * kFunctionCost) {}

 private:
  void normalize(const float* x, float* y) const override {
    const double largest = largest_of(x, channels());
    const double sum = sum_of_powers(x, channels(), largest);
    for (std::int64_t c = 0; c < channels(); ++c) {
      y[c] = static_cast<float>(base::exact_math::exp(double{x[c]} - largest) / sum);
    }
  }
};

class LogSoftmaxStep final : public NormalizationStep {
 public:
  explicit LogSoftmaxStep(const NodePlace& place) : NormalizationStep(place, "log_softmax_f32", kFunctionCost) {}

 private:
  void normalize(const float* x, float* y) const override {
    const double largest = largest_of(x, channels());
    const double log_of_sum = base::exact_math::log(sum_of_powers(x, channels(), largest));
    for (std::int64_t c = 0; c < channels(); ++c) y[c] = static_cast<float>((double{x[c]} - largest) - log_of_sum);
  }
};

class LrnStep final : public NormalizationStep {
 public:
  LrnStep(const NodePlace& place, const graph::Lrn& op)
      : NormalizationStep(place, "lrn_f32", kFunctionCost + op.size),
        before_((op.size - 1) / 2),
        after_(op.size / 2),
        alpha_(double{op.alpha} / op.size),
        beta_(op.beta),
        bias_(op.bias) {}

 private:
  void normalize(const float* x, float* y) const override {
    for (std::int64_t c = 0; c < channels(); ++c) {
      const std::int64_t last = std::min(c + after_, channels() - 1);
      double squares = 0;
      for (std::int64_t i = std::max<std::int64_t>(c - before_, 0); i <= last; ++i) {
        squares += double{x[i]} * double{x[i]};
      }
      y[c] = static_cast<float>(double{x[c]} / power(bias_ + alpha_ * squares));
    }
  }

  // The usual exponent, 3/4, is computed with square roots only.
  [[nodiscard]] double power(double base) const {
    if (beta_ != 0.75) return base::exact_math::power(base, beta_);
    const double root = std::sqrt(base);
    return root * std::sqrt(root);
  }

  std::int64_t before_;
  std::int64_t after_;
  double alpha_;
  double beta_;
  double bias_;
};

class LayerNormStep final : public NormalizationStep {
 public:
  LayerNormStep(const NodePlace& place, const graph::LayerNorm& op)
      : NormalizationStep(place, "layer_norm_f32", kLayerNormCost),
        scale_(op.scale),
        shift_(op.shift),
        epsilon_(op.epsilon) {}

 private:
  void normalize(const float* x, float* y) const override {
    const auto count = static_cast<double>(channels());
    const double mean = sum_of(x, [](float v) { return double{v}; }) / count;
    const double variance = sum_of(x, [mean](float v) { return (double{v} - mean) * (double{v} - mean); }) / count;
    const double factor = 1.0 / std::sqrt(variance + epsilon_);
    const float* scale = scale_.data();
    const float* shift = shift_.data();
    for (std::int64_t c = 0; c < channels(); ++c) {
      y[c] = static_cast<float>((double{x[c]} - mean) * factor * double{scale[c]} + double{shift[c]});
    }
  }

  // In four partial sums, which a CPU adds side by side.
  template <class Term>
  [[nodiscard]] double sum_of(const float* x, const Term& term) const {
    constexpr std::int64_t kSums = 4;
    std::array<double, kSums> sums{};
    std::int64_t c = 0;
    for (; c + kSums <= channels(); c += kSums) {
      for (std::size_t i = 0; i < kSums; ++i) sums[i] += term(x[c + static_cast<std::int64_t>(i)]);
    }
    for (std::size_t i = 0; c < channels(); ++c, ++i) sums[i] += term(x[c]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  std::vector<float> scale_;
  std::vector<float> shift_;
  double epsilon_;
};

}  // namespace

StepResult float_step_of(const NodePlace& place, const graph::Softmax& /*op*/) {
  return StepResult(std::make_unique<SoftmaxStep>(place));
}

StepResult float_step_of(const NodePlace& place, const graph::LogSoftmax& /*op*/) {
  return StepResult(std::make_unique<LogSoftmaxStep>(place));
}

StepResult float_step_of(const NodePlace& place, const graph::Lrn& op) {
  return StepResult(std::make_unique<LrnStep>(place, op));
}

StepResult float_step_of(const NodePlace& place, const graph::LayerNorm& op) {
  return StepResult(std::make_unique<LayerNormStep>(place, op));
}

}  // namespace narrow::engine
