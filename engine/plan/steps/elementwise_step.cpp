#include "engine/plan/make_step.h"
#include "graph/operators.h"
#include "graph/quantization.h"
#include "kernels/elementwise.h"
#include "kernels/lookup.h"

namespace narrow::engine {
namespace {

using kernels::ElementwiseKernels;
using kernels::LookupKernels;

// Cost of an element, relative to a multiply-add of a convolution.
constexpr std::int64_t kElementCost = 4;

float multiplier(const Quantization& from, const Quantization& to) {
  return static_cast<float>(double{from.scale} / double{to.scale});
}

// A work row is an element. Base: Step or ElementwiseStep.
template <class Base>
class OneInputStep : public Base {
 public:
  OneInputStep(const NodePlace& place, const char* kernel)
      : Base(place.result().shape.elems(), kElementCost, {place.node.name, kernel, 0}),
        input_(place.inputs[0]),
        output_(place.output) {}

 protected:
  Location input_;   // NOLINT(misc-non-private-member-variables-in-classes)
  Location output_;  // NOLINT(misc-non-private-member-variables-in-classes)
};

class QuantizeStep final : public OneInputStep<Step> {
 public:
  QuantizeStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : OneInputStep(place, kernels.quantize_name), kernels_(kernels), quantization_(*place.result().quantization) {}

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

class DequantizeStep final : public OneInputStep<Step> {
 public:
  DequantizeStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : OneInputStep(place, kernels.dequantize_name), kernels_(kernels), quantization_(*place.input().quantization) {}

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

class ActivationStep final : public OneInputStep<ElementwiseStep> {
 public:
  ActivationStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : OneInputStep(place, kernels.requantize_name),
        kernels_(kernels),
        channels_(place.result().shape.channels),
        input_quantization_(*place.input().quantization),
        output_quantization_(*place.result().quantization),
        output_range_(graph::clamped_range(output_quantization_, place.node.clamp)) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    requantize(context, begin, 1, end - begin);
  }
  void run_channels(const RunContext& context, const Part& part) const override {
    requantize(context, part.row_begin * channels_ + part.channel_begin, part.row_end - part.row_begin,
               part.channel_end - part.channel_begin);
  }

 private:
  // Computes `count` channels of each of `pixels` pixels. `first` is the index of the first element, counted over all
  // images.
  void requantize(const RunContext& context, std::int64_t first, std::int64_t pixels, std::int64_t count) const {
    kernels_.requantize({.input = context.read_u8(input_) + first,
                         .output = context.write_u8(output_) + first,
                         .rows = pixels,
                         .channels = count,
                         .input_stride = channels_,
                         .output_stride = channels_,
                         .input_zero_point = input_quantization_.zero_point,
                         .multiplier = multiplier(input_quantization_, output_quantization_),
                         .output_zero_point = output_quantization_.zero_point,
                         .output_range = output_range_});
  }

  const ElementwiseKernels& kernels_;
  std::int64_t channels_;
  Quantization input_quantization_;
  Quantization output_quantization_;
  QRange output_range_;
};

// A nonlinear function, computed with its table. A work row is a pixel.
class FunctionStep final : public ElementwiseStep {
 public:
  FunctionStep(const NodePlace& place, const LookupKernels& kernels, const graph::Function& function)
      : ElementwiseStep(
            place.result().shape.height * place.result().shape.width, kElementCost * place.result().shape.channels,
            {place.node.name, is_per_channel(function) ? kernels.channel_lookup_name : kernels.lookup_name, 0}),
        kernels_(kernels),
        table_(function.table.data()),
        per_channel_(is_per_channel(function)),
        channels_(place.result().shape.channels),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const std::uint8_t* input = context.read_u8(input_) + begin * channels_;
    std::uint8_t* output = context.write_u8(output_) + begin * channels_;
    if (per_channel_) {
      kernels_.channel_lookup(
          {.input = input, .output = output, .rows = end - begin, .channels = channels_, .table = table_});
    } else {
      kernels_.lookup({.input = input, .output = output, .count = (end - begin) * channels_, .table = table_});
    }
  }

  void run_channels(const RunContext& context, const Part& part) const override {
    const std::int64_t count = part.channel_end - part.channel_begin;
    const std::uint8_t* input = context.read_u8(input_) + part.row_begin * channels_ + part.channel_begin;
    std::uint8_t* output = context.write_u8(output_) + part.row_begin * channels_ + part.channel_begin;
    const std::uint8_t* const table = per_channel_ ? table_ + part.channel_begin * kTableBytes : table_;
    for (std::int64_t pixel = part.row_begin; pixel < part.row_end; ++pixel, input += channels_, output += channels_) {
      if (per_channel_) {
        kernels_.channel_lookup({.input = input, .output = output, .rows = 1, .channels = count, .table = table});
      } else {
        kernels_.lookup({.input = input, .output = output, .count = count, .table = table});
      }
    }
  }

 private:
  static constexpr std::int64_t kTableBytes = 256;
  static bool is_per_channel(const graph::Function& function) { return graph::row_of(function.kind).has_slopes; }

  const LookupKernels& kernels_;
  const std::uint8_t* table_;  // points into the graph, which outlives the step
  bool per_channel_;
  std::int64_t channels_;
  Location input_;
  Location output_;
};

}  // namespace

StepResult step_of(const NodePlace& place, const graph::Quantize& /*op*/) {
  return StepResult(std::make_unique<QuantizeStep>(place, kernels::elementwise_kernels(place.isa)));
}

StepResult step_of(const NodePlace& place, const graph::Dequantize& /*op*/) {
  return StepResult(std::make_unique<DequantizeStep>(place, kernels::elementwise_kernels(place.isa)));
}

ElementwiseResult integer_step_of(const NodePlace& place, const graph::Activation& /*op*/) {
  return ElementwiseResult(std::make_unique<ActivationStep>(place, kernels::elementwise_kernels(place.isa)));
}

ElementwiseResult integer_step_of(const NodePlace& place, const graph::Function& op) {
  return ElementwiseResult(std::make_unique<FunctionStep>(place, kernels::lookup_kernels(place.isa), op));
}

}  // namespace narrow::engine
