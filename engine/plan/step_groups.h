// Which nodes run as one step: a convolution and what is done with each element of its output, or several convolutions
// whose large tensors in between are computed a few rows at a time.
#pragma once

#include <vector>

#include "graph/ir.h"

namespace narrow::engine {

// Indices of nodes, in order. The first is any node; each of the others is the only reader of the one before it, so
// that the tensors in between never exist as a whole. The others are pointwise, but for those that begin another strip.
struct StepGroup {
  std::vector<int> nodes;
  std::vector<std::size_t> strips = {0};  // places in `nodes` of the convolutions that begin a strip, ascending

  // The end of a strip in `nodes`.
  [[nodiscard]] std::size_t strip_end(std::size_t strip) const {
    return strip + 1 < strips.size() ? strips[strip + 1] : nodes.size();
  }
};

// All nodes but those that move no byte, each in one group; groups are in an order in which they can run. Computing a
// convolution's rows just before they are added to others keeps them in the cache, and the arena smaller. So does
// computing a large tensor just before a depthwise convolution reads it, or after one has written it.
[[nodiscard]] std::vector<StepGroup> group_steps(const graph::Graph& graph);

// Nodes on uint8 whose output element depends on the elements at the same place in their inputs, of which those of
// input `index` may be overwritten by it.
[[nodiscard]] bool can_overwrite_input(const graph::Graph& graph, const graph::Node& node, std::size_t index);

}  // namespace narrow::engine
