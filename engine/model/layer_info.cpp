#include "engine/model/layer_info.h"

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>
#include <variant>

#include "base/text.h"
#include "graph/bit_packing.h"
#include "graph/operators.h"
#include "narrow/inspect.h"

namespace narrow::engine {
namespace {

constexpr int kFloatBits = 32;

// "3" if both are equal, else "3x5".
std::string pair(int vertical, int horizontal) {
  std::string text = std::to_string(vertical);
  if (vertical != horizontal) text += "x" + std::to_string(horizontal);
  return text;
}

// "p1", or top,left,bottom,right if the sides differ.
std::string describe(const Padding& pad) {
  std::string text = base::joined({"p", pad.top});
  if (pad != Padding{pad.top, pad.top, pad.top, pad.top}) {
    text += "," + std::to_string(pad.left) + "," + std::to_string(pad.bottom) + "," + std::to_string(pad.right);
  }
  return text;
}

// "3x3 s2 p1", with the dilation if it is not 1.
std::string describe(const graph::Window& window) {
  std::string text = base::joined(
      {window.kernel_h, "x", window.kernel_w, " s", pair(window.stride_h, window.stride_w), " ", describe(window.pad)});
  if (window.dilation_h != 1 || window.dilation_w != 1) text += " d" + pair(window.dilation_h, window.dilation_w);
  return text;
}

// "HardSwish 0.166667 0.5": the function and the numbers that it uses.
std::string describe(const graph::Function& op) {
  const graph::FunctionRow row = graph::row_of(op.kind);
  std::string text(row.name);
  if (row.has_alpha) text += " " + base::number_text(double{op.alpha});
  if (row.has_beta) text += " " + base::number_text(double{op.beta});
  return text;
}

// "14x14x64, 1x1x64" if an input is repeated.
std::string describe_repetition(const graph::Graph& graph, const graph::Node& node) {
  const TensorShape& a = graph.value(node.inputs[0]).shape;
  const TensorShape& b = graph.value(node.inputs[1]).shape;
  return a == b ? std::string() : base::dimensions_text(a) + ", " + base::dimensions_text(b);
}

std::string describe(const graph::Graph& graph, const graph::Node& node) {
  return graph::visit(
      [&]<class Op>(const Op& op) -> std::string {
        if constexpr (std::is_same_v<Op, graph::Convolution>) {
          return describe(op.window) + " g" + std::to_string(op.groups);
        } else if constexpr (std::is_same_v<Op, graph::Linear>) {
          return base::joined({graph.value(node.inputs[0]).shape.elems(), " -> ", op.out_features});
        } else if constexpr (std::is_same_v<Op, graph::MaxPool> || std::is_same_v<Op, graph::AveragePool>) {
          return describe(op.window);
        } else if constexpr (std::is_same_v<Op, graph::Function>) {
          return describe(op);
        } else if constexpr (std::is_same_v<Op, graph::Add>) {
          const std::optional<std::size_t> summed = graph::summed_input(graph, node);
          return summed ? "not rounded: " + graph.value(node.inputs[*summed]).name : describe_repetition(graph, node);
        } else if constexpr (std::is_same_v<Op, graph::Subtract> || std::is_same_v<Op, graph::Multiply> ||
                             std::is_same_v<Op, graph::Maximum> || std::is_same_v<Op, graph::Minimum>) {
          return describe_repetition(graph, node);
        } else if constexpr (std::is_same_v<Op, graph::Pad>) {
          return describe(op.pad);
        } else if constexpr (std::is_same_v<Op, graph::Slice>) {
          return base::joined({"from ", base::dimensions_text(op.begin)});
        } else if constexpr (std::is_same_v<Op, graph::Transpose>) {
          return base::joined({op.order[0], ",", op.order[1], ",", op.order[2]});
        } else if constexpr (std::is_same_v<Op, graph::Gather>) {
          constexpr std::array kDimensions{"rows", "columns", "channels"};
          return base::joined({op.indices.size(), " ", kDimensions[static_cast<std::size_t>(op.dimension)]});
        } else if constexpr (std::is_same_v<Op, graph::Lrn>) {
          return base::joined({"size ", op.size});
        } else if constexpr (std::is_same_v<Op, graph::LayerNorm>) {
          return base::joined({"epsilon ", base::number_text(double{op.epsilon})});
        } else if constexpr (std::is_same_v<Op, graph::PadChannels>) {
          return base::joined({op.before, " before, ", op.after, " after"});
        } else if constexpr (std::is_same_v<Op, graph::Concat>) {
          return base::joined({node.inputs.size(), " inputs"});
        } else {
          constexpr bool kSaysEnough = std::is_empty_v<Op> || std::is_same_v<Op, graph::BatchNorm> ||
                                       std::is_same_v<Op, graph::Reshape>;  // its shape is shown
          static_assert(kSaysEnough, "say what users should know of the operator's attributes");
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
  info.weight_bytes = graph::packed_size(quantized.weight_count(), info.weight_bits).value_or(0);
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
  info.computes = !graph::row_of(node.op).has(graph::kComputesNothing);
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
