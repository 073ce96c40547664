#include <algorithm>
#include <cstring>

#include "engine/make_step.h"
#include "kernels/elementwise.h"

namespace narrow::engine {
namespace {

using kernels::ElementwiseKernels;

// One row is one element; this is what one costs beside a multiply-accumulate of a convolution.
constexpr std::int64_t kElementCost = 4;

float multiplier(const Quantization& from, const Quantization& to) {
  return static_cast<float>(double{from.scale} / double{to.scale});
}

class ElementwiseStep : public Step {
 public:
  ElementwiseStep(const NodePlace& place, const char* kernel)
      : Step(place.result().shape.elems(), kElementCost, {place.node.name, kernel, 0}),
        input_(place.inputs[0]),
        output_(place.output) {}

 protected:
  Location input_;   // NOLINT(misc-non-private-member-variables-in-classes)
  Location output_;  // NOLINT(misc-non-private-member-variables-in-classes)
};

class QuantizeStep final : public ElementwiseStep {
 public:
  QuantizeStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : ElementwiseStep(place, kernels.quantize_name), kernels_(kernels), quantization_(*place.result().quantization) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    kernels_.quantize({.input = context.read_f32(input_) + begin,
                       .output = context.write_u8(output_) + begin,
                       .count = end - begin,
                       .output_quantization = quantization_});
  }

 private:
  const ElementwiseKernels& kernels_;
  Quantization quantization_;
};

class DequantizeStep final : public ElementwiseStep {
 public:
  DequantizeStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : ElementwiseStep(place, kernels.dequantize_name),
        kernels_(kernels),
        quantization_(*place.input().quantization) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    kernels_.dequantize({.input = context.read_u8(input_) + begin,
                         .output = context.write_f32(output_) + begin,
                         .count = end - begin,
                         .input_quantization = quantization_});
  }

 private:
  const ElementwiseKernels& kernels_;
  Quantization quantization_;
};

class ActivationStep final : public ElementwiseStep {
 public:
  ActivationStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : ElementwiseStep(place, kernels.requantize_name),
        kernels_(kernels),
        input_quantization_(*place.input().quantization),
        output_quantization_(*place.result().quantization),
        output_range_(clamped_range(output_quantization_, place.node.clamp)) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const std::int64_t count = end - begin;
    kernels_.requantize({.input = context.read_u8(input_) + begin,
                         .output = context.write_u8(output_) + begin,
                         .rows = 1,
                         .channels = count,
                         .input_stride = count,
                         .output_stride = count,
                         .input_zero_point = input_quantization_.zero_point,
                         .multiplier = multiplier(input_quantization_, output_quantization_),
                         .output_zero_point = output_quantization_.zero_point,
                         .output_range = output_range_});
  }

 private:
  const ElementwiseKernels& kernels_;
  Quantization input_quantization_;
  Quantization output_quantization_;
  QRange output_range_;
};

class AddStep final : public ElementwiseStep {
 public:
  AddStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : ElementwiseStep(place, kernels.add_name),
        kernels_(kernels),
        second_(place.inputs[1]),
        a_(*place.input(0).quantization),
        b_(*place.input(1).quantization),
        output_quantization_(*place.result().quantization),
        output_range_(clamped_range(output_quantization_, place.node.clamp)) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    kernels_.add({.a = context.read_u8(input_) + begin,
                  .b = context.read_u8(second_) + begin,
                  .output = context.write_u8(output_) + begin,
                  .count = end - begin,
                  .a_zero_point = a_.zero_point,
                  .b_zero_point = b_.zero_point,
                  .a_multiplier = multiplier(a_, output_quantization_),
                  .b_multiplier = multiplier(b_, output_quantization_),
                  .output_zero_point = output_quantization_.zero_point,
                  .output_range = output_range_});
  }

 private:
  const ElementwiseKernels& kernels_;
  Location second_;
  Quantization a_;
  Quantization b_;
  Quantization output_quantization_;
  QRange output_range_;
};

// Between layers that were left in float: y = min(max(x, lo), hi).
class ActivationF32Step final : public ElementwiseStep {
 public:
  explicit ActivationF32Step(const NodePlace& place)
      : ElementwiseStep(place, "activation_f32"), clamp_(place.node.clamp) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const float* input = context.read_f32(input_);
    std::transform(input + begin, input + end, context.write_f32(output_) + begin,
                   [clamp = clamp_](float x) { return std::min(std::max(x, clamp.lo), clamp.hi); });
  }

 private:
  Clamp clamp_;
};

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

}  // namespace

std::unique_ptr<Step> make_copy_step(std::int64_t count, Location input, Location output) {
  return std::make_unique<CopyStep>(count, input, output);
}

StepResult make_elementwise_step(const NodePlace& place) {
  const ElementwiseKernels& kernels = kernels::elementwise_kernels(place.isa);
  if (std::holds_alternative<graph::Quantize>(place.node.op)) {
    return StepResult(std::make_unique<QuantizeStep>(place, kernels));
  }
  if (std::holds_alternative<graph::Dequantize>(place.node.op)) {
    return StepResult(std::make_unique<DequantizeStep>(place, kernels));
  }
  if (std::holds_alternative<graph::Add>(place.node.op)) return StepResult(std::make_unique<AddStep>(place, kernels));
  if (place.result().quantization) return StepResult(std::make_unique<ActivationStep>(place, kernels));
  return StepResult(std::make_unique<ActivationF32Step>(place));
}

}  // namespace narrow::engine
