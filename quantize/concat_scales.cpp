#include "quantize/concat_scales.h"

#include <algorithm>
#include <numeric>

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

}  // namespace

std::vector<ValueId> find_concat_grids(const Graph& graph, const Liveness& live, const BitPlan& plan) {
  const ValueMap<int> producer = producers(graph);
  const ValueMap<std::vector<int>> readers = consumers(graph);
  // Nobody but this node reads the value.
  const auto read_only_by = [&](ValueId id, int node) {
    return id != graph.output && std::all_of(readers[index(id)].begin(), readers[index(id)].end(), [&](int reader) {
             return reader == node || !live.nodes[static_cast<std::size_t>(reader)];
           });
  };
  std::vector<ValueId> grid(graph.values.size());
  std::iota(grid.begin(), grid.end(), ValueId{0});
  // Last first: a Concat knows its own grid before its inputs ask for it.
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& concat = graph.nodes[n];
    if (!live.nodes[n] || !std::holds_alternative<Concat>(concat.op) || graph.value(concat.output).quantization) {
      continue;
    }
    for (ValueId id : concat.inputs) {
      int reader = static_cast<int>(n);
      bool is_private = read_only_by(id, reader);
      while (is_private && id != plan.source[index(id)]) {
        reader = producer[index(id)];
        id = graph.nodes[static_cast<std::size_t>(reader)].inputs[0];
        is_private = read_only_by(id, reader);
      }
      const int maker = producer[index(id)];
      const bool is_stated =
          maker >= 0 && std::holds_alternative<Dequantize>(graph.nodes[static_cast<std::size_t>(maker)].op);
      const bool same_width = plan.activation_bits[index(id)] == plan.activation_bits[index(concat.output)];
      if (is_private && !is_stated && same_width) grid[index(id)] = grid[index(concat.output)];
    }
  }
  return grid;
}

}  // namespace narrow::graph
