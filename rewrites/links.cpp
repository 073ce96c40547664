#include "rewrites/links.h"

#include <algorithm>
#include <utility>

#include "graph/operators.h"

namespace narrow::graph {

Links::Links(Graph& graph)
    : graph_(graph), producers_(producers(graph)), uses_(consumers(graph)), bypassed_(graph.nodes.size(), 0) {}

void Links::bypass(int node) {
  const ValueId from = graph_.nodes[static_cast<std::size_t>(node)].output;
  const ValueId to = graph_.nodes[static_cast<std::size_t>(node)].inputs[0];
  std::vector<int> readers = std::exchange(uses_[from], {});
  for (const int reader : readers) {
    auto& inputs = graph_.nodes[static_cast<std::size_t>(reader)].inputs;
    std::replace(inputs.begin(), inputs.end(), from, to);
  }
  auto& uses = uses_[to];
  uses.erase(std::find(uses.begin(), uses.end(), node));
  uses.insert(uses.end(), readers.begin(), readers.end());
  producers_[from] = -1;
  if (graph_.output == from) graph_.output = to;
  bypassed_[static_cast<std::size_t>(node)] = 1;
}

void Links::rewire(int node, std::vector<ValueId> inputs) {
  auto& old = graph_.nodes[static_cast<std::size_t>(node)].inputs;
  for (const ValueId id : old) {
    auto& uses = uses_[id];
    uses.erase(std::find(uses.begin(), uses.end(), node));
  }
  for (const ValueId id : inputs) uses_[id].push_back(node);
  old = std::move(inputs);
}

void Links::erase_bypassed() {
  std::vector<Node> kept;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    if (bypassed_[i] == 0) kept.push_back(std::move(graph_.nodes[i]));
  }
  graph_.nodes = std::move(kept);
}

std::string describe(const Node& node) { return std::string(row_of(node.op).noun) + " '" + node.name + "'"; }

}  // namespace narrow::graph
