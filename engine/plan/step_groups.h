// Decides which nodes run as one step: fused chains, and convolutions that work in row tiles so that the large tensors
// between them never exist as a whole.
#pragma once

#include <vector>

#include "graph/ir.h"

namespace narrow::engine {

// The nodes of one step, by index and in order. The first may be any node. Each of the others is the only reader of the
// node before it, so the tensors in between never exist as a whole. The others are elementwise, except for the
// convolutions that begin another stage.
struct StepGroup {
  std::vector<int> nodes;
  std::vector<std::size_t> strips = {0};  // positions in `nodes` where a stage begins, ascending

  // The position in `nodes` after the last node of a stage.
  [[nodiscard]] std::size_t strip_end(std::size_t strip) const {
    return strip + 1 < strips.size() ? strips[strip + 1] : nodes.size();
  }
};

// Assigns every node to one group, except nodes that move no byte. Groups are in an order in which they can run. A
// fused chain keeps the rows of a convolution in the cache and makes the arena smaller. Row tiles do the same for a
// large tensor before or after a depthwise convolution.
[[nodiscard]] std::vector<StepGroup> group_steps(const graph::Graph& graph);

// Whether an elementwise node on uint8 may write its output over input `index`.
[[nodiscard]] bool can_overwrite_input(const graph::Graph& graph, const graph::Node& node, std::size_t index);

}  // namespace narrow::engine
