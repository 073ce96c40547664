#include "engine/plan/make_step.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace narrow::engine {
namespace {

template <class Op, class... Ops>
constexpr bool kIsOneOf = (std::is_same_v<Op, Ops> || ...);

std::int32_t quantize_end(float real, const Quantization& quantization) {
  // Equal to the quantize kernel: single precision, half to even, then saturation. An infinite bound saturates too.
  const float steps = std::nearbyint(real / quantization.scale) + static_cast<float>(quantization.zero_point);
  const auto lo = static_cast<float>(quantization.range.lo);
  const auto hi = static_cast<float>(quantization.range.hi);
  return static_cast<std::int32_t>(std::min(std::max(steps, lo), hi));
}

}  // namespace

Error step_error(const graph::Node& node, ErrorCode code, const std::string& message) {
  return {code, std::string(graph::op_name(node.op)) + " " + message, node.name};
}

QRange clamped_range(const Quantization& quantization, const Clamp& clamp) {
  return {quantize_end(clamp.lo, quantization), quantize_end(clamp.hi, quantization)};
}

StepResult make_step(const NodePlace& place) {
  // validate() has checked that the inputs have the same type where an operator requires it.
  const bool is_float = !place.result().quantization.has_value();
  return std::visit(
      [&]<class Op>(const Op&) -> StepResult {
        if constexpr (kIsOneOf<Op, graph::Convolution, graph::Linear>) {
          return make_convolution_step(place);
        } else if constexpr (kIsOneOf<Op, graph::Quantize, graph::Dequantize>) {
          return make_elementwise_step(place);
        } else if constexpr (kIsOneOf<Op, graph::Activation, graph::Function>) {
          return is_float ? make_float_elementwise_step(place) : make_elementwise_step(place);
        } else if constexpr (kIsOneOf<Op, graph::Add, graph::Subtract, graph::Multiply>) {
          return is_float ? make_float_elementwise_step(place) : make_binary_step(place);
        } else if constexpr (kIsOneOf<Op, graph::MaxPool, graph::AveragePool, graph::GlobalAveragePool>) {
          return is_float ? make_float_pool_step(place) : make_pool_step(place);
        } else if constexpr (kIsOneOf<Op, graph::Softmax, graph::Lrn>) {
          return make_normalization_step(place);
        } else if constexpr (kIsOneOf<Op, graph::Concat>) {
          return make_concat_step(place);
        } else if constexpr (kIsOneOf<Op, graph::PadChannels, graph::Pad, graph::Slice, graph::Transpose>) {
          return make_data_movement_step(place);
        } else if constexpr (kIsOneOf<Op, graph::BatchNorm>) {
          return step_error(place.node, ErrorCode::kUnsupported,
                            "is not executed: fold it into a convolution before quantizing");
        } else {
          static_assert(kIsOneOf<Op, graph::Flatten, graph::Reshape, graph::Identity>, "an operator has no step");
          return step_error(place.node, ErrorCode::kInternal, "moves no byte and has no step");
        }
      },
      place.node.op);
}

}  // namespace narrow::engine
