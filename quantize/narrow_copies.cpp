#include "quantize/narrow_copies.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/try.h"
#include "base/unique_names.h"

namespace narrow::graph {
namespace {

bool copies(const Node& node) { return is_lossless(node.op) || std::holds_alternative<Concat>(node.op); }

}  // namespace

Result<std::optional<NarrowCopies>> with_narrow_copies(const Graph& graph, const Liveness& live, const BitPlan& bits) {
  const std::vector<bool> read_by_layers = find_read_by_layers(graph, live, bits.in_float);
  const ValueMap<std::vector<int>> readers = consumers(graph);
  const auto reads_for_layers = [&](const Node& node) {
    return filter_of(node) != nullptr || (copies(node) && read_by_layers[static_cast<std::size_t>(node.output)]);
  };
  const auto needs_copy = [&](ValueId id) {
    if (bits.activation_bits[static_cast<std::size_t>(id)] >= kMaxBits || graph.value(id).quantization) return false;
    bool is_added = false;
    bool is_read = false;
    for (const int reader : readers[id]) {
      if (!live.nodes[static_cast<std::size_t>(reader)]) continue;
      const Node& node = graph.nodes[static_cast<std::size_t>(reader)];
      is_read = is_read || reads_for_layers(node);
      is_added = is_added || std::holds_alternative<Add>(node.op) || (copies(node) && !reads_for_layers(node));
    }
    return is_added && is_read;
  };
  NarrowCopies result{graph, {}};
  result.graph.nodes.clear();
  ValueMap<ValueId> copy_of(graph.values.size(), kNoValue);
  base::UniqueNames names;
  for (const Value& value : graph.values) names.take(value.name);
  for (const Node& node : graph.nodes) names.take(node.name);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    Node node = graph.nodes[n];
    if (live.nodes[n] && reads_for_layers(node)) {
      for (ValueId& id : node.inputs) {
        if (copy_of[id] != kNoValue) id = copy_of[id];
      }
    }
    const ValueId written = node.output;
    result.graph.nodes.push_back(std::move(node));
    if (!live.nodes[n] || !needs_copy(written)) continue;
    const std::string name = names.with_underscores(graph.nodes[n].name + std::string(kNarrowCopySuffix));
    NARROW_ASSIGN(copy_of[written], result.graph.add_node(name, Activation{}, {written}));
    result.names[graph.nodes[n].name] = name;
  }
  if (result.names.empty()) return std::optional<NarrowCopies>();
  return std::optional<NarrowCopies>(std::move(result));
}

QuantizeOptions name_layers_of_copies(QuantizeOptions options, const Graph& graph) {
  const auto has_node = [&](const std::string& name) {
    return std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.name == name; });
  };
  for (LayerBits& layer : options.layer_activation_bits) {
    if (!layer.layer.ends_with(kNarrowCopySuffix) || has_node(layer.layer)) continue;
    const std::string name = layer.layer.substr(0, layer.layer.size() - kNarrowCopySuffix.size());
    if (has_node(name)) layer.layer = name;
  }
  return options;
}

}  // namespace narrow::graph
