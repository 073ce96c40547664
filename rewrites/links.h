// Who makes and who reads each value, kept up to date while a pass takes nodes out.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"

namespace narrow::graph {

// What a pass did, one event per rewrite; empty: nothing.
using PassLog = std::vector<Event>;

class Links {
 public:
  // The graph must be valid and outlive this object. Only `bypass` and `rewire` change its nodes' connections
  // meanwhile.
  explicit Links(Graph& graph);

  // Index of the node that makes the value, -1 for the graph's input.
  [[nodiscard]] int producer(ValueId id) const { return producers_[id]; }
  // Indices of the nodes that read the value, once per use.
  [[nodiscard]] const std::vector<int>& uses(ValueId id) const { return uses_[id]; }
  // True when the value has one use and is not the graph's output: its producer may change what it means, as long as
  // that one reader knows.
  [[nodiscard]] bool is_private(ValueId id) const { return uses(id).size() == 1 && id != graph_.output; }

  // Takes out a node with one input: whoever read its output reads its input. Node indices stay as they are.
  void bypass(int node);
  // Gives a node other inputs, all of them computed before it. Whoever made the old ones may be dead then.
  void rewire(int node, std::vector<ValueId> inputs);
  [[nodiscard]] bool bypassed(int node) const { return bypassed_[static_cast<std::size_t>(node)] != 0; }

  // Erases the nodes that were taken out; afterwards this object is used up. Values that nobody makes any more stay
  // until remove_dead().
  void erase_bypassed();

 private:
  Graph& graph_;
  ValueMap<int> producers_;
  ValueMap<std::vector<int>> uses_;
  std::vector<char> bypassed_;
};

// The node that makes `value` if its operator is an Op, and the Op itself; else {-1, nullptr}.
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

// "convolution 'conv1'": a node as log lines name it.
[[nodiscard]] std::string describe(const Node& node);

}  // namespace narrow::graph
