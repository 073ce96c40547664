// Decides which nodes run as one step: fused chains, and convolutions that work in row tiles so that the large tensors
// between them never exist as a whole.
#pragma once

#include <span>
#include <vector>

#include "graph/ir.h"

namespace narrow::engine {

// The nodes of one step, by index and in order. The first may be any node. Each of the others is the only reader of the
// node before it, so the tensors in between never exist as a whole.
struct StepGroup {
  // More than one: they are convolutions that work in row tiles. The first node of a stage may have a fused chain of
  // elementwise nodes after it.
  std::vector<std::vector<int>> stages;

  [[nodiscard]] int first() const { return stages.front().front(); }
  [[nodiscard]] int last() const { return stages.back().back(); }
  // Those of all stages.
  [[nodiscard]] std::vector<int> nodes() const;
};

// Assigns every node to one group, except nodes that move no byte. Groups are in an order in which they can run. A
// fused chain keeps the rows of a convolution in the cache and makes the arena smaller. Row tiles do the same for a
// large tensor before or after a depthwise convolution. kept: values that must exist as a whole, such as outputs that
// the caller named; they end their groups.
[[nodiscard]] std::vector<StepGroup> group_steps(const graph::Graph& graph, std::span<const graph::ValueId> kept = {});

// Whether an elementwise node on uint8 may write its output over input `index`.
[[nodiscard]] bool can_overwrite_input(const graph::Graph& graph, const graph::Node& node, std::size_t index);

}  // namespace narrow::engine
