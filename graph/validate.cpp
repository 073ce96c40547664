#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/text.h"
#include "base/try.h"
#include "graph/ir.h"
#include "graph/limits.h"
#include "graph/operators.h"
#include "graph/validate_parts.h"

namespace narrow::graph {

using base::number_text;
using base::shape_text;

namespace {

Error graph_error(ErrorCode code, base::Pieces message) { return Error{code, base::joined(message), "graph"}; }

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

Status check_sizes(const Graph& graph) {
  if (graph.nodes.empty()) return graph_error(ErrorCode::kMalformed, {"the graph has no nodes"});
  if (graph.nodes.size() > kMaxNodes || graph.values.size() > kMaxValues) {
    return graph_error(ErrorCode::kLimit, {"the graph has ", graph.nodes.size(), " nodes and ", graph.values.size(),
                                           " values, at most ", kMaxNodes, " and ", kMaxValues, " are supported"});
  }
  return {};
}

Status check_input_and_output(const Graph& graph) {
  if (!graph.has(graph.input)) {
    return graph_error(ErrorCode::kMalformed, {"the graph's input is not one of its values"});
  }
  if (!graph.has(graph.output)) {
    return graph_error(ErrorCode::kMalformed, {"the graph's output is not one of its values"});
  }
  for (const ValueId id : {graph.input, graph.output}) {
    if (graph.value(id).quantization) {
      return graph_error(ErrorCode::kMalformed,
                         {"'", graph.value(id).name, "' is quantized; the input and output of a graph are float32"});
    }
  }
  return {};
}

Status check_value(const Value& value) {
  // The rules for shapes are those of any operator's input. Identity has no other rules.
  if (auto shape = infer_shape(Identity{}, {value.shape}); !shape.ok()) {
    return Error{shape.error().code, base::joined({"value '", value.name, "': ", shape.error().message}), value.name};
  }
  return check_quantization(value);
}

// Checks that ids are in range, that inputs are computed before the node, and that the output is computed once. Marks
// the output as computed.
Status check_wiring(const Graph& graph, const Node& node, ValueMap<bool>& computed) {
  for (const ValueId id : node.inputs) {
    if (!graph.has(id)) {
      return node_error(node, ErrorCode::kMalformed, {"input ", id, " is not a value of the graph"});
    }
    if (!computed[id]) {
      return node_error(node, ErrorCode::kMalformed, {"reads '", graph.value(id).name, "' before it is computed"});
    }
  }
  if (!graph.has(node.output)) {
    return node_error(node, ErrorCode::kMalformed, {"output ", node.output, " is not a value of the graph"});
  }
  if (computed[node.output]) {
    return node_error(
        node, ErrorCode::kMalformed,
        {"writes '", graph.value(node.output).name, "', which is the graph's input or another node's output"});
  }
  computed[node.output] = true;
  return {};
}

Status check_shapes(const Graph& graph, const Node& node) {
  std::vector<TensorShape> inputs;
  inputs.reserve(node.inputs.size());
  for (const ValueId id : node.inputs) inputs.push_back(graph.value(id).shape);
  const auto inferred = infer_shape(node.op, inputs);
  if (!inferred.ok()) return node_error(node, inferred.error().code, {inferred.error().message});
  const TensorShape& held = graph.value(node.output).shape;
  if (*inferred == held) return {};
  return node_error(node, ErrorCode::kMalformed,
                    {"its output has shape ", shape_text(*inferred), ", but the graph says ", shape_text(held)});
}

// "Convolution, Linear and Add".
std::string operators_with_clamp() {
  std::vector<std::string_view> names;
  for (const OperatorRow& row : kOperators) {
    if (row.has(kTakesClamp)) names.push_back(row.name);
  }
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    list += i == 0 ? "" : i + 1 == names.size() ? " and " : ", ";
    list += names[i];
  }
  return list;
}

Status check_clamp(const Node& node) {
  const Clamp& clamp = node.clamp;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  // The comparison is false for NaN.
  if (!(clamp.lo <= clamp.hi) || clamp.lo == kInfinity || clamp.hi == -kInfinity) {
    return node_error(
        node, ErrorCode::kMalformed,
        {"the clamp [", number_text(clamp.lo), ", ", number_text(clamp.hi), "] is not a range of numbers"});
  }
  if (row_of(node.op).has(kTakesClamp) || clamp.is_identity()) return {};
  return node_error(node, ErrorCode::kMalformed, {"has a clamp, which only ", operators_with_clamp(), " may have one"});
}

// Checks the numbers among the attributes. Those of a Filter and the entries of a table are checked elsewhere.
struct Numbers {
  const Node& node;

  [[nodiscard]] Error error(base::Pieces message) const { return node_error(node, ErrorCode::kMalformed, message); }

  Status operator()(const BatchNorm& op) const {
    for (const auto* vector : {&op.gamma, &op.beta, &op.mean, &op.variance}) {
      if (!all_finite(*vector)) return error({"a parameter is not a finite number"});
    }
    if (!std::isfinite(op.epsilon) || op.epsilon < 0) return error({"epsilon must be finite and not negative"});
    for (std::size_t c = 0; c < op.variance.size(); ++c) {
      if (op.variance[c] < 0) return error({"the variance of channel ", c, " is negative"});
      if (!std::isfinite(1.0 / std::sqrt(op.variance[c] + op.epsilon))) {
        return error({"variance + epsilon of channel ", c, " is too small to divide by"});
      }
    }
    return {};
  }

  Status operator()(const Function& op) const {
    if (std::isfinite(op.alpha) && std::isfinite(op.beta) && all_finite(op.slopes)) return {};
    return error({"a parameter is not a finite number"});
  }

  Status operator()(const Lrn& op) const {
    // The power of a base of 0 or less is not defined.
    const bool finite = std::isfinite(op.alpha) && std::isfinite(op.beta) && std::isfinite(op.bias);
    if (finite && op.alpha >= 0 && op.bias > 0) return {};
    return error({"needs finite alpha >= 0, beta and bias > 0"});
  }

  Status operator()(const LayerNorm& op) const {
    if (!all_finite(op.scale) || !all_finite(op.shift)) return error({"a scale or shift is not a finite number"});
    // Equal channels have variance 0, so epsilon must be above 0.
    if (std::isfinite(op.epsilon) && op.epsilon > 0) return {};
    return error({"epsilon must be finite and above 0"});
  }

  // Integers. Shape inference checks their limits.
  Status operator()(const Convolution&) const { return {}; }
  Status operator()(const Linear&) const { return {}; }
  Status operator()(const MaxPool&) const { return {}; }
  Status operator()(const AveragePool&) const { return {}; }
  Status operator()(const PadChannels&) const { return {}; }
  Status operator()(const Pad&) const { return {}; }
  Status operator()(const Slice&) const { return {}; }
  Status operator()(const Reshape&) const { return {}; }
  Status operator()(const Transpose&) const { return {}; }
  Status operator()(const Gather&) const { return {}; }
  template <class Plain>
  requires std::is_empty_v<Plain> Status operator()(const Plain&) const { return {}; }
};

Status check_pre_quantized(const Node& node, const Filter& filter, const FilterSize& size) {
  const PreQuantizedWeights& weights = *filter.pre_quantized;
  if (filter.quantized || filter.weights.empty()) {
    return node_error(node, ErrorCode::kMalformed,
                      {"has weight integers next to its weights, which only float weights may have"});
  }
  if (weights.integers.size() != filter.weights.size() ||
      weights.scales.size() != static_cast<std::size_t>(size.out_channels)) {
    return node_error(node, ErrorCode::kMalformed,
                      {"its weight integers or their scales differ in number from its weights"});
  }
  const bool positive = std::all_of(weights.scales.begin(), weights.scales.end(),
                                    [](float scale) { return std::isfinite(scale) && scale > 0; });
  if (!positive) return node_error(node, ErrorCode::kMalformed, {"a scale of its weight integers is not above 0"});
  return {};
}

Status check_float_filter(const Graph& graph, const Node& node) {
  const Filter* filter = filter_of(node);
  if (filter == nullptr) return {};
  NARROW_ASSIGN(const FilterSize size, filter_size(graph, node));
  const auto check = [&](const char* what, std::span<const float> values, std::int64_t expected) -> Status {
    // A quantized layer may have no float weights.
    if (values.empty() && filter->quantized) return {};
    if (values.size() != static_cast<std::size_t>(expected)) {
      return node_error(node, ErrorCode::kMalformed, {"has ", values.size(), " ", what, " elements, needs ", expected});
    }
    if (!all_finite(values)) {
      return node_error(node, ErrorCode::kMalformed, {"a ", what, " element is not a finite number"});
    }
    return {};
  };
  NARROW_TRY(check("weight", filter->weights, size.weights()));
  if (filter->pre_quantized) NARROW_TRY(check_pre_quantized(node, *filter, size));
  return check("bias", filter->bias, size.out_channels);
}

// Whether what writes and reads the float32 input of a sum allows that one kernel computes both.
Status check_sums(const Graph& graph) {
  const ValueMap<int> made_by = producers(graph);
  const ValueMap<std::vector<int>> read_by = consumers(graph);
  for (const Node& node : graph.nodes) {
    const std::optional<std::size_t> summed = summed_input(graph, node);
    if (!summed) continue;
    const ValueId id = node.inputs[*summed];
    const auto error = [&](base::Pieces why) {
      return node_error(node, ErrorCode::kMalformed,
                        {"'", graph.value(id).name, "' is float32 and the sum is uint8; ", base::joined(why)});
    };
    const Node* const writer = made_by[id] < 0 ? nullptr : &graph.nodes[static_cast<std::size_t>(made_by[id])];
    const Filter* const filter = writer == nullptr ? nullptr : filter_of(*writer);
    if (filter == nullptr || !filter->quantized || !std::holds_alternative<Convolution>(writer->op)) {
      return error({"only a convolution in integers may write it"});
    }
    if (!writer->clamp.is_identity()) return error({"'", writer->name, "' may not have a clamp"});
    if (read_by[id].size() != 1 || id == graph.output) return error({"nothing else may read it"});
  }
  return {};
}

}  // namespace

Error node_error(const Node& node, ErrorCode code, base::Pieces message) {
  return Error{code, base::joined({op_name(node.op), " '", node.name, "': ", base::joined(message)}), node.name};
}

Result<FilterSize> filter_size(const Graph& graph, const Node& node) {
  const TensorShape& in = graph.value(node.inputs[0]).shape;
  FilterSize size;
  if (const auto* convolution = std::get_if<Convolution>(&node.op)) {
    size.out_channels = convolution->out_channels;
    // Three factors of at most 17 bits each.
    size.depth =
        std::int64_t{convolution->window.kernel_h} * convolution->window.kernel_w * (in.channels / convolution->groups);
  } else if (const auto* linear = std::get_if<Linear>(&node.op)) {
    size.out_channels = linear->out_features;
    size.depth = in.elems();
  }
  std::int64_t weights = 0;
  if (__builtin_mul_overflow(size.out_channels, size.depth, &weights) || weights > kMaxElems) {
    return node_error(node, ErrorCode::kLimit, {"its weights would have more than ", kMaxElems, " elements"});
  }
  return size;
}

Status validate(const Graph& graph) {
  NARROW_TRY(check_sizes(graph));
  NARROW_TRY(check_names(graph));
  NARROW_TRY(check_input_and_output(graph));
  for (const Value& value : graph.values) NARROW_TRY(check_value(value));
  ValueMap<bool> computed(graph.values.size(), false);
  computed[graph.input] = true;
  for (const Node& node : graph.nodes) {
    NARROW_TRY(check_wiring(graph, node, computed));
    NARROW_TRY(check_shapes(graph, node));
    NARROW_TRY(check_clamp(node));
    NARROW_TRY(graph::visit(Numbers{node}, node.op));
    NARROW_TRY(check_float_filter(graph, node));
    NARROW_TRY(check_types(graph, node));
  }
  NARROW_TRY(check_sums(graph));
  // A computed value depends on the input: every operator has inputs, and the input is the only value that no node
  // computes.
  if (graph.output == graph.input || !computed[graph.output]) {
    return graph_error(ErrorCode::kMalformed,
                       {"no node computes the graph's output '", graph.value(graph.output).name, "'"});
  }
  return {};
}

}  // namespace narrow::graph
