#include "graph/liveness.h"

namespace narrow::graph {

Liveness find_live(const Graph& graph) {
  Liveness live{ValueMap<bool>(graph.values.size(), false), std::vector<bool>(graph.nodes.size(), false)};
  live.values[graph.output] = true;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.values[node.output]) continue;
    live.nodes[n] = true;
    for (const ValueId input : node.inputs) live.values[input] = true;
  }
  live.values[graph.input] = true;
  return live;
}

}  // namespace narrow::graph
