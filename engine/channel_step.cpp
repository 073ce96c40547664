#include <cstring>

#include "engine/make_step.h"
#include "kernels/elementwise.h"

namespace narrow::engine {
namespace {

using kernels::ElementwiseKernels;
using kernels::RequantizeArgs;

// A row is a pixel.
std::int64_t pixels(const TensorShape& shape) { return shape.height * shape.width; }

// Inputs side by side, each requantized to the output's scale. With equal quantization that is a copy: the multiplier
// is exactly 1.
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

// Input and output share their quantization (validate says so), so the middle is a copy.
class PadChannelsStep final : public Step {
 public:
  PadChannelsStep(const NodePlace& place, const graph::PadChannels& op)
      : Step(pixels(place.result().shape), place.result().shape.channels, {place.node.name, "pad_channels", 0}),
        before_(static_cast<std::size_t>(op.before)),
        middle_(static_cast<std::size_t>(place.input().shape.channels)),
        after_(static_cast<std::size_t>(op.after)),
        zero_(place.result().quantization->zero_point),
        input_(place.inputs[0]),
        output_(place.output) {}

  void run(const RunContext& context, std::int64_t begin, std::int64_t end, int /*slot*/) const override {
    const std::uint8_t* input = context.read_u8(input_) + static_cast<std::size_t>(begin) * middle_;
    std::uint8_t* output = context.write_u8(output_) + static_cast<std::size_t>(begin) * (before_ + middle_ + after_);
    for (std::int64_t pixel = begin; pixel < end; ++pixel) {
      std::memset(output, zero_, before_);
      std::memcpy(output + before_, input, middle_);
      std::memset(output + before_ + middle_, zero_, after_);
      input += middle_;
      output += before_ + middle_ + after_;
    }
  }

 private:
  std::size_t before_;
  std::size_t middle_;
  std::size_t after_;
  int zero_;
  Location input_;
  Location output_;
};

}  // namespace

StepResult make_channel_step(const NodePlace& place) {
  if (const auto* pad = std::get_if<graph::PadChannels>(&place.node.op)) {
    return StepResult(std::make_unique<PadChannelsStep>(place, *pad));
  }
  return StepResult(std::make_unique<ConcatStep>(place, kernels::elementwise_kernels(place.isa)));
}

}  // namespace narrow::engine
