#include "engine/layer_info.h"

#include <algorithm>
#include <string>
#include <type_traits>
#include <variant>

#include "engine/bit_packing.h"

namespace narrow::engine {
namespace {

constexpr int kFloatBits = 32;

// "3" where both are equal, else "3x5".
std::string pair(int vertical, int horizontal) {
  std::string text = std::to_string(vertical);
  if (vertical != horizontal) text += "x" + std::to_string(horizontal);
  return text;
}

// "3x3 s2 p1"; padding that differs between sides as top,left,bottom,right; dilation only where there is one.
std::string describe(const graph::Window& window) {
  std::string text = std::to_string(window.kernel_h) + "x" + std::to_string(window.kernel_w) + " s" +
                     pair(window.stride_h, window.stride_w) + " p" + std::to_string(window.pad.top);
  const Padding& pad = window.pad;
  if (pad != Padding{pad.top, pad.top, pad.top, pad.top}) {
    text += "," + std::to_string(pad.left) + "," + std::to_string(pad.bottom) + "," + std::to_string(pad.right);
  }
  if (window.dilation_h != 1 || window.dilation_w != 1) text += " d" + pair(window.dilation_h, window.dilation_w);
  return text;
}

std::string describe(const graph::Graph& graph, const graph::Node& node) {
  return std::visit(
      [&]<class Op>(const Op& op) -> std::string {
        if constexpr (std::is_same_v<Op, graph::Convolution>) {
          return describe(op.window) + " g" + std::to_string(op.groups);
        } else if constexpr (std::is_same_v<Op, graph::Linear>) {
          return std::to_string(graph.value(node.inputs[0]).shape.elems()) + " -> " + std::to_string(op.out_features);
        } else if constexpr (std::is_same_v<Op, graph::MaxPool> || std::is_same_v<Op, graph::AveragePool>) {
          return describe(op.window);
        } else if constexpr (std::is_same_v<Op, graph::PadChannels>) {
          return std::to_string(op.before) + " before, " + std::to_string(op.after) + " after";
        } else if constexpr (std::is_same_v<Op, graph::Concat>) {
          return std::to_string(node.inputs.size()) + " inputs";
        } else {
          return {};
        }
      },
      node.op);
}

void describe_filter(const graph::Filter& filter, LayerInfo& info) {
  if (!filter.quantized) {
    info.weight_bits = kFloatBits;
    info.weight_bytes = filter.weights.size() * sizeof(float);
    return;
  }
  const graph::QuantizedFilter& quantized = *filter.quantized;
  info.weight_bits = bits_for(quantized.range);
  info.weight_bytes = packed_size(quantized.weights.size(), info.weight_bits).value_or(0);
  const auto [lowest, highest] = std::minmax_element(quantized.scales.begin(), quantized.scales.end());
  info.weight_scale_min = *lowest;
  info.weight_scale_max = *highest;
}

}  // namespace

LayerInfo describe_layer(const graph::Graph& graph, const graph::Node& node) {
  const graph::Value& output = graph.value(node.output);
  LayerInfo info;
  info.name = node.name;
  info.op = graph::op_name(node.op);
  info.output = output.shape;
  info.detail = describe(graph, node);
  info.macs = graph::macs(graph, node);
  info.activation_bits = kFloatBits;
  if (output.quantization) {
    const Quantization& quantization = *output.quantization;
    info.activation_bits = bits_for(quantization.range);
    info.quantization = quantization;
    info.clamp_lo = quantization.scale * static_cast<float>(quantization.range.lo - quantization.zero_point);
    info.clamp_hi = quantization.scale * static_cast<float>(quantization.range.hi - quantization.zero_point);
  }
  if (const graph::Filter* filter = graph::filter_of(node); filter != nullptr) describe_filter(*filter, info);
  return info;
}

}  // namespace narrow::engine
