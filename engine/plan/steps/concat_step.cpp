#include <cstring>

#include "engine/plan/make_step.h"
#include "kernels/elementwise.h"

namespace narrow::engine {
namespace {

using kernels::ElementwiseKernels;
using kernels::RequantizeArgs;

// A work row is a pixel.
std::int64_t pixels(const TensorShape& shape) { return shape.height * shape.width; }

// Writes the inputs next to each other, each requantized to the output's scale. With equal quantization this is a copy:
// the multiplier is exactly 1.
class ConcatStep final : public Step {
 public:
  ConcatStep(const NodePlace& place, const ElementwiseKernels& kernels)
      : Step(pixels(place.result().shape), 4 * place.result().shape.channels,
             {place.node.name, kernels.requantize_name, 0}),
        kernels_(kernels),
        output_(place.output) {
    const Quantization& to = *place.result().quantization;
    std::int64_t first_channel = 0;
    for (std::size_t i = 0; i < place.inputs.size(); ++i) {
      const graph::Value& value = place.input(i);
      const Quantization& from = *value.quantization;
      parts_.push_back({place.inputs[i], first_channel,
                        RequantizeArgs{.input = nullptr,
                                       .output = nullptr,
                                       .rows = 0,
                                       .channels = value.shape.channels,
                                       .input_stride = value.shape.channels,
                                       .output_stride = place.result().shape.channels,
                                       .input_zero_point = from.zero_point,
                                       .multiplier = static_cast<float>(double{from.scale} / double{to.scale}),
                                       .output_zero_point = to.zero_point,
                                       .output_range = to.range}});
      first_channel += value.shape.channels;
    }
  }

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    for (const Part& part : parts_) {
      RequantizeArgs args = part.args;
      args.input = context.read_u8(part.input) + begin * args.input_stride;
      args.output = context.write_u8(output_) + begin * args.output_stride + part.first_channel;
      args.rows = end - begin;
      kernels_.requantize(args);
    }
  }

 private:
  struct Part {
    Location input;
    std::int64_t first_channel;
    RequantizeArgs args;
  };
  const ElementwiseKernels& kernels_;
  std::vector<Part> parts_;
  Location output_;
};

class ConcatF32Step final : public Step {
 public:
  explicit ConcatF32Step(const NodePlace& place)
      : Step(pixels(place.result().shape), place.result().shape.channels, {place.node.name, "concat_f32", 0}),
        channels_(static_cast<std::size_t>(place.result().shape.channels)),
        output_(place.output) {
    for (std::size_t i = 0; i < place.inputs.size(); ++i) {
      parts_.push_back({place.inputs[i], static_cast<std::size_t>(place.input(i).shape.channels)});
    }
  }

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    float* first = context.write_f32(output_) + static_cast<std::size_t>(begin) * channels_;
    for (const Part& part : parts_) {
      const float* input = context.read_f32(part.input) + static_cast<std::size_t>(begin) * part.channels;
      float* output = first;
      for (std::int64_t pixel = begin; pixel < end; ++pixel) {
        std::memcpy(output, input, part.channels * sizeof(float));
        input += part.channels;
        output += channels_;
      }
      first += part.channels;
    }
  }

 private:
  struct Part {
    Location input;
    std::size_t channels;
  };
  std::size_t channels_;
  std::vector<Part> parts_;
  Location output_;
};

}  // namespace

StepResult step_of(const NodePlace& place, const graph::Concat& /*op*/) {
  if (!place.result().quantization) return StepResult(std::make_unique<ConcatF32Step>(place));
  return StepResult(std::make_unique<ConcatStep>(place, kernels::elementwise_kernels(place.isa)));
}

}  // namespace narrow::engine
