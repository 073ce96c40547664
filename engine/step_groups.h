// Which nodes run as one step: a convolution and what is done with each element of its output.
#pragma once

#include <vector>

#include "graph/ir.h"

namespace narrow::engine {

// Indices of nodes, in order. The first is any node; the others are pointwise, and each is the only reader of the one
// before it, so that the tensors in between never exist as a whole.
struct StepGroup {
  std::vector<int> nodes;

  [[nodiscard]] bool is_chain() const { return nodes.size() > 1; }
};

// All nodes but those that move no byte, each in one group; groups are in an order in which they can run. Computing a
// convolution's rows just before they are added to others keeps them in the cache, and the arena smaller.
[[nodiscard]] std::vector<StepGroup> group_steps(const graph::Graph& graph);

// Nodes on uint8 whose output element depends on the elements at the same place in their inputs, of which those of
// input `index` may be overwritten by it.
[[nodiscard]] bool can_overwrite_input(const graph::Graph& graph, const graph::Node& node, std::size_t index);

}  // namespace narrow::engine
