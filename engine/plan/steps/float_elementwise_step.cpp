// Elementwise operators on float32. There is one implementation for all ISAs, because docs/numerics.md prescribes every
// bit.
#include <algorithm>
#include <cstring>
#include <functional>

#include "engine/plan/make_step.h"
#include "engine/plan/steps/broadcast.h"
#include "graph/function.h"

namespace narrow::engine {
namespace {

constexpr std::int64_t kElementCost = 4;
// About the cost of an exponential.
constexpr std::int64_t kFunctionCost = 64;

float clamped(float x, const Clamp& clamp) { return std::min(std::max(x, clamp.lo), clamp.hi); }

// y = min(max(x, lo), hi). A work row is an element.
class ActivationF32Step final : public Step {
 public:
  explicit ActivationF32Step(const NodePlace& place)
      : Step(place.result().shape.elems(), kElementCost, {place.node.name, "activation_f32", 0}),
        clamp_(place.node.clamp),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const float* input = context.read_f32(input_);
    std::transform(input + begin, input + end, context.write_f32(output_) + begin,
                   [clamp = clamp_](float x) { return clamped(x, clamp); });
  }

 private:
  Clamp clamp_;
  Location input_;
  Location output_;
};

// A work row is a pixel.
class FunctionF32Step final : public Step {
 public:
  FunctionF32Step(const NodePlace& place, const graph::Function& function)
      : Step(place.result().shape.height * place.result().shape.width, kFunctionCost * place.result().shape.channels,
             {place.node.name, "function_f32", 0}),
        function_(function),
        channels_(place.result().shape.channels),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const float* x = context.read_f32(input_) + begin * channels_;
    float* y = context.write_f32(output_) + begin * channels_;
    for (std::int64_t row = begin; row < end; ++row) {
      for (std::int64_t c = 0; c < channels_; ++c) {
        *y++ = static_cast<float>(graph::evaluate_function(function_, double{*x++}, c));
      }
    }
  }

 private:
  const graph::Function& function_;  // points into the graph, which outlives the step
  std::int64_t channels_;
  Location input_;
  Location output_;
};

// y = clamp(combine(a, b)). A dimension of 1 is repeated. A work row is a row of pixels.
template <class Combine>
class BinaryF32Step final : public Step {
 public:
  BinaryF32Step(const NodePlace& place, const char* kernel)
      : Step(place.result().shape.height, kElementCost * place.result().shape.width * place.result().shape.channels,
             {place.node.name, kernel, 0}),
        shape_(place.result().shape),
        clamp_(place.node.clamp),
        a_(place.input(0).shape, shape_),
        b_(place.input(1).shape, shape_),
        a_location_(place.inputs[0]),
        b_location_(place.inputs[1]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    float* y = context.write_f32(output_) + begin * shape_.width * shape_.channels;
    for (std::int64_t row = begin; row < end; ++row) {
      const float* a = context.read_f32(a_location_) + a_.row_offset(row / shape_.height, row % shape_.height);
      const float* b = context.read_f32(b_location_) + b_.row_offset(row / shape_.height, row % shape_.height);
      for (std::int64_t x = 0; x < shape_.width; ++x, y += shape_.channels) {
        pixel(a + x * a_.pixel_stride(), b + x * b_.pixel_stride(), y);
      }
    }
  }

 private:
  void pixel(const float* a, const float* b, float* y) const {
    const Combine combine;
    if (a_.channel_stride() == 1 && b_.channel_stride() == 1) {
      for (std::int64_t c = 0; c < shape_.channels; ++c) y[c] = clamped(combine(a[c], b[c]), clamp_);
    } else {
      for (std::int64_t c = 0; c < shape_.channels; ++c) {
        y[c] = clamped(combine(a[c * a_.channel_stride()], b[c * b_.channel_stride()]), clamp_);
      }
    }
  }

  TensorShape shape_;
  Clamp clamp_;
  BroadcastInput a_;
  BroadcastInput b_;
  Location a_location_;
  Location b_location_;
  Location output_;
};

// A work row is an element.
class CopyStep final : public Step {
 public:
  CopyStep(std::int64_t count, Location input, Location output)
      : Step(count, kElementCost, {"output", "copy_f32", 0}), input_(input), output_(output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    std::memcpy(context.write_f32(output_) + begin, context.read_f32(input_) + begin,
                static_cast<std::size_t>(end - begin) * sizeof(float));
  }

 private:
  Location input_;
  Location output_;
};

struct Larger {
  float operator()(float a, float b) const { return a > b ? a : b; }
};
struct Smaller {
  float operator()(float a, float b) const { return a < b ? a : b; }
};

}  // namespace

std::unique_ptr<Step> make_copy_step(std::int64_t count, Location input, Location output) {
  return std::make_unique<CopyStep>(count, input, output);
}

StepResult float_step_of(const NodePlace& place, const graph::Activation& /*op*/) {
  return StepResult(std::make_unique<ActivationF32Step>(place));
}

StepResult float_step_of(const NodePlace& place, const graph::Function& op) {
  return StepResult(std::make_unique<FunctionF32Step>(place, op));
}

StepResult float_step_of(const NodePlace& place, const graph::Add& /*op*/) {
  return StepResult(std::make_unique<BinaryF32Step<std::plus<float>>>(place, "add_f32"));
}

StepResult float_step_of(const NodePlace& place, const graph::Subtract& /*op*/) {
  return StepResult(std::make_unique<BinaryF32Step<std::minus<float>>>(place, "subtract_f32"));
}

StepResult float_step_of(const NodePlace& place, const graph::Multiply& /*op*/) {
  return StepResult(std::make_unique<BinaryF32Step<std::multiplies<float>>>(place, "multiply_f32"));
}

StepResult float_step_of(const NodePlace& place, const graph::Maximum& /*op*/) {
  return StepResult(std::make_unique<BinaryF32Step<Larger>>(place, "maximum_f32"));
}

StepResult float_step_of(const NodePlace& place, const graph::Minimum& /*op*/) {
  return StepResult(std::make_unique<BinaryF32Step<Smaller>>(place, "minimum_f32"));
}

}  // namespace narrow::engine
