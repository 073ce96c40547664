#include "engine/make_step.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace narrow::engine {
namespace {

bool any_float(const NodePlace& place) {
  const auto is_float = [&](graph::ValueId id) { return !place.graph.value(id).quantization.has_value(); };
  return std::any_of(place.node.inputs.begin(), place.node.inputs.end(), is_float) || is_float(place.node.output);
}

StepResult uint8_only(const NodePlace& place, StepResult (*make)(const NodePlace&)) {
  if (!any_float(place)) return make(place);
  return step_error(place.node, ErrorCode::kUnsupported,
                    "works on float32 tensors, for which only Convolution, Linear, Activation and Flatten have "
                    "kernels; quantize the model with fewer layers left in float");
}

std::int32_t quantize_end(float real, const Quantization& quantization) {
  // As the quantize kernel: single precision, half to even, then saturation. An infinite end saturates too.
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
  return std::visit(
      [&]<class Op>(const Op&) -> StepResult {
        if constexpr (std::is_same_v<Op, graph::Convolution> || std::is_same_v<Op, graph::Linear>) {
          return make_convolution_step(place);
        } else if constexpr (std::is_same_v<Op, graph::Activation> || std::is_same_v<Op, graph::Quantize> ||
                             std::is_same_v<Op, graph::Dequantize>) {
          return make_elementwise_step(place);
        } else if constexpr (std::is_same_v<Op, graph::Add>) {
          return uint8_only(place, make_elementwise_step);
        } else if constexpr (std::is_same_v<Op, graph::MaxPool> || std::is_same_v<Op, graph::AveragePool> ||
                             std::is_same_v<Op, graph::GlobalAveragePool>) {
          return uint8_only(place, make_pool_step);
        } else if constexpr (std::is_same_v<Op, graph::Concat> || std::is_same_v<Op, graph::PadChannels>) {
          return uint8_only(place, make_channel_step);
        } else if constexpr (std::is_same_v<Op, graph::BatchNorm>) {
          return step_error(place.node, ErrorCode::kUnsupported,
                            "is not executed: fold it into a convolution before quantizing");
        } else if constexpr (std::is_same_v<Op, graph::Flatten> || std::is_same_v<Op, graph::Reshape> ||
                             std::is_same_v<Op, graph::Identity>) {
          return step_error(place.node, ErrorCode::kInternal, "moves no byte and has no step");
        } else {
          return step_error(place.node, ErrorCode::kUnsupported, "has no kernel yet");
        }
      },
      place.node.op);
}

}  // namespace narrow::engine
