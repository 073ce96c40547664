#include "graph/ir.h"

#include <algorithm>
#include <utility>

#include "base/unique_names.h"
#include "graph/operators.h"

namespace narrow::graph {
namespace {

// `name`, with the first free suffix if it is taken.
template <class Items>
std::string unique_name(std::string name, const Items& items) {
  const auto same = [&](const auto& item) { return item.name == name; };
  if (std::none_of(items.begin(), items.end(), same)) return name;
  base::UniqueNames names;
  for (const auto& item : items) names.take(item.name);
  return names.with_number(name);
}

}  // namespace

std::string_view op_name(const Op& op) { return row_of(op).name; }

ValueId Graph::add_value(std::string name, TensorShape shape) {
  values.push_back(Value{unique_name(std::move(name), values), shape, std::nullopt});
  return static_cast<ValueId>(values.size() - 1);
}

Result<ValueId> Graph::add_node(std::string name, Op op, std::vector<ValueId> inputs, Clamp clamp) {
  std::vector<TensorShape> shapes;
  shapes.reserve(inputs.size());
  for (const ValueId id : inputs) {
    if (!has(id)) {
      return Error{ErrorCode::kInvalidArgument, "input " + std::to_string(id) + " is not a value of the graph", name};
    }
    shapes.push_back(value(id).shape);
  }
  auto shape = infer_shape(op, shapes);
  if (!shape.ok()) {
    Error error = std::move(shape).error();
    error.where = name;
    return error;
  }
  Node node;
  node.name = unique_name(std::move(name), nodes);
  node.op = std::move(op);
  node.inputs = std::move(inputs);
  node.output = add_value(node.name, *shape);
  node.clamp = clamp;
  nodes.push_back(std::move(node));
  return nodes.back().output;
}

Filter* filter_of(Node& node) { return const_cast<Filter*>(filter_of(std::as_const(node))); }

const Filter* filter_of(const Node& node) {
  if (const auto* convolution = std::get_if<Convolution>(&node.op)) return &convolution->filter;
  if (const auto* linear = std::get_if<Linear>(&node.op)) return &linear->filter;
  return nullptr;
}

bool is_depthwise(const Node& node) {
  const auto* const convolution = std::get_if<Convolution>(&node.op);
  if (convolution == nullptr || convolution->groups < 2 || convolution->groups != convolution->out_channels)
    return false;
  const auto window =
      static_cast<std::size_t>(convolution->window.kernel_h) * static_cast<std::size_t>(convolution->window.kernel_w);
  const Filter& filter = convolution->filter;
  const std::size_t weights = filter.quantized ? filter.quantized->weight_count() : filter.weights.size();
  return weights == window * static_cast<std::size_t>(convolution->groups);
}

bool is_lossless(const Op& op) { return row_of(op).is_lossless(); }
bool moves_no_byte(const Op& op) { return row_of(op).has(kMovesNoByte); }
bool is_float_only(const Op& op) { return row_of(op).is_float_only(); }
bool may_be_pre_quantized(const Op& op) { return is_lossless(op) || row_of(op).has(kMayBePreQuantized); }

ValueMap<int> producers(const Graph& graph) {
  ValueMap<int> result(graph.values.size(), -1);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.has(graph.nodes[i].output)) {
      result[graph.nodes[i].output] = static_cast<int>(i);
    }
  }
  return result;
}

ValueMap<std::vector<int>> consumers(const Graph& graph) {
  ValueMap<std::vector<int>> result(graph.values.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].inputs) {
      if (graph.has(id)) result[id].push_back(static_cast<int>(i));
    }
  }
  return result;
}

std::int64_t macs(const Graph& graph, const Node& node) {
  const TensorShape& in = graph.value(node.inputs[0]).shape;
  if (const auto* convolution = std::get_if<Convolution>(&node.op)) {
    const Window& window = convolution->window;
    return graph.value(node.output).shape.elems() * window.kernel_h * window.kernel_w *
           (in.channels / convolution->groups);
  }
  if (const auto* linear = std::get_if<Linear>(&node.op)) return in.elems() * linear->out_features;
  return 0;
}

double operations(const Graph& graph) {
  double total = 0;
  for (const Node& node : graph.nodes) {
    const TensorShape& in = graph.value(node.inputs[0]).shape;
    const auto out = static_cast<double>(graph.value(node.output).shape.elems());
    // Taps in the padding count too: the scalar kernels visit them.
    const auto of_window = [](const Window& window) {
      return static_cast<double>(window.kernel_h) * static_cast<double>(window.kernel_w);
    };
    double per_element = 1;
    if (const auto* pool = std::get_if<MaxPool>(&node.op)) per_element = of_window(pool->window);
    if (const auto* pool = std::get_if<AveragePool>(&node.op)) per_element = of_window(pool->window);
    if (std::holds_alternative<GlobalAveragePool>(node.op)) per_element = static_cast<double>(in.height * in.width);
    if (const auto* lrn = std::get_if<Lrn>(&node.op)) {
      per_element = static_cast<double>(std::min<std::int64_t>(lrn->size, in.channels));
    }
    total += filter_of(node) != nullptr ? static_cast<double>(macs(graph, node)) : out * per_element;
  }
  return total;
}

std::optional<std::size_t> summed_input(const Graph& graph, const Node& node) {
  if (!std::holds_alternative<Add>(node.op) || !graph.value(node.output).quantization) return std::nullopt;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (!graph.value(node.inputs[i]).quantization) return i;
  }
  return std::nullopt;
}

void remove_dead(Graph& graph) {
  ValueMap<bool> live(graph.values.size(), false);
  if (graph.has(graph.output)) live[graph.output] = true;
  // Topological order: from the last node to the first, every reader of a value is seen before its producer.
  std::vector<char> kept(graph.nodes.size(), 0);
  for (std::size_t i = graph.nodes.size(); i-- > 0;) {
    const Node& node = graph.nodes[i];
    if (!graph.has(node.output) || !live[node.output]) continue;
    kept[i] = 1;
    for (const ValueId id : node.inputs) {
      if (graph.has(id)) live[id] = true;
    }
  }
  // The input stays even if no node reads it: every graph has one.
  if (graph.has(graph.input)) live[graph.input] = true;

  ValueMap<ValueId> renumbered(graph.values.size(), kNoValue);
  std::vector<Value> values;
  for (ValueId id = 0; graph.has(id); ++id) {
    if (!live[id]) continue;
    renumbered[id] = static_cast<ValueId>(values.size());
    values.push_back(std::move(graph.value(id)));
  }
  const auto renumber = [&](ValueId id) { return graph.has(id) ? renumbered[id] : kNoValue; };
  std::vector<Node> nodes;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (kept[i] == 0) continue;
    Node& node = graph.nodes[i];
    for (ValueId& id : node.inputs) id = renumber(id);
    node.output = renumber(node.output);
    nodes.push_back(std::move(node));
  }
  graph.input = renumber(graph.input);
  graph.output = renumber(graph.output);
  graph.values = std::move(values);
  graph.nodes = std::move(nodes);
}

}  // namespace narrow::graph
