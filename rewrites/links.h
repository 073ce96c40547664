// The producer and the readers of each value, kept up to date while a pass removes nodes.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"

namespace narrow::graph {

// The events of a pass, one per rewrite; empty if it changed nothing.
using PassLog = std::vector<Event>;

class Links {
 public:
  // The graph must be valid and outlive this object. Meanwhile only `bypass` and `rewire` may change the connections of
  // its nodes.
  explicit Links(Graph& graph);

  // Index of the node that computes the value; -1 for the graph's input.
  [[nodiscard]] int producer(ValueId id) const { return producers_[id]; }
  // Indices of the nodes that read the value, once per use.
  [[nodiscard]] const std::vector<int>& uses(ValueId id) const { return uses_[id]; }
  // Whether the value has one use and is not the graph's output. Its producer may then change the value's meaning, if
  // the one reader is adapted.
  [[nodiscard]] bool is_private(ValueId id) const { return uses(id).size() == 1 && id != graph_.output; }

  // Removes a node with one input: the readers of its output then read its input. Indices of nodes do not change.
  void bypass(int node);
  // Sets the inputs of a node, all of them computed before it. The producers of its former inputs may be dead then.
  void rewire(int node, std::vector<ValueId> inputs);
  [[nodiscard]] bool bypassed(int node) const { return bypassed_[static_cast<std::size_t>(node)] != 0; }

  // Erases the removed nodes. This object can't be used afterwards. Values without a producer stay until remove_dead().
  void erase_bypassed();

 private:
  Graph& graph_;
  ValueMap<int> producers_;
  ValueMap<std::vector<int>> uses_;
  std::vector<char> bypassed_;
};

// The node that computes `value` and its operator, if that is an Op; else {-1, nullptr}.
template <class Op>
struct Made {
  int node = -1;
  const Op* op = nullptr;
  explicit operator bool() const { return op != nullptr; }
};
template <class Op>
[[nodiscard]] Made<Op> made_by(const Graph& graph, const Links& links, ValueId value) {
  const int node = links.producer(value);
  if (node < 0) return {};
  const Op* op = std::get_if<Op>(&graph.nodes[static_cast<std::size_t>(node)].op);
  return op == nullptr ? Made<Op>{} : Made<Op>{node, op};
}

// "convolution 'conv1'": a node as events name it.
[[nodiscard]] std::string describe(const Node& node);

}  // namespace narrow::graph
