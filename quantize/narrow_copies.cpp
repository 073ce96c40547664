#include "quantize/narrow_copies.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/try.h"
#include "base/unique_names.h"

namespace narrow::graph {
namespace {

bool copies(const Node& node) { return is_lossless(node.op) || std::holds_alternative<Concat>(node.op); }

// Values that layers with weights read, also through operators that only copy.
ValueMap<bool> find_read_by_layers(const Graph& graph, const Liveness& live) {
  ValueMap<bool> read(graph.values.size(), false);
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    if (filter_of(node) == nullptr && !(copies(node) && read[node.output])) continue;
    for (const ValueId id : node.inputs) read[id] = true;
  }
  return read;
}

}  // namespace

Result<std::optional<Graph>> with_narrow_copies(const Graph& graph, const Liveness& live, const BitPlan& bits,
                                                const std::set<std::string>& except) {
  const ValueMap<bool> read_by_layers = find_read_by_layers(graph, live);
  const ValueMap<std::vector<int>> readers = consumers(graph);
  const auto reads_for_layers = [&](const Node& node) {
    return filter_of(node) != nullptr || (copies(node) && read_by_layers[node.output]);
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
  Graph result = graph;
  result.nodes.clear();
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
    result.nodes.push_back(std::move(node));
    if (!live.nodes[n] || except.count(graph.nodes[n].name) != 0 || !needs_copy(written)) continue;
    const std::string name = names.with_underscores(graph.value(written).name + ".narrow");
    NARROW_ASSIGN(copy_of[written], result.add_node(name, Activation{}, {written}));
  }
  if (result.nodes.size() == graph.nodes.size()) return std::optional<Graph>();
  return std::optional<Graph>(std::move(result));
}

}  // namespace narrow::graph
