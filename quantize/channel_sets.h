// Tensors whose channels can be changed together, without a change of what the network computes.
#pragma once

#include <cstddef>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"

namespace narrow::graph {

// Layers write the tensors, and only layers read them, directly or through pools, padding, flattening and residual
// sums.
struct ChannelSet {
  std::vector<ValueId> values;       // ascending
  std::vector<std::size_t> writers;  // layers, by node index; ascending; all with the same number of output channels
  std::vector<std::size_t> readers;
  bool is_read_by_channel = false;  // all readers are depthwise
};

// Sets whose channels can be scaled, each by a factor above 0, in the order of the graph. What concatenations,
// functions, normalizations and the network's input or output have a part in is none of them, and neither are tensors
// of layers that are pre-quantized.
[[nodiscard]] std::vector<ChannelSet> scalable_sets(const Graph& graph, const Liveness& live);

// Sets whose channels can be mixed, each new channel being a linear combination of all: no writer or sum has a clamp,
// writers and readers are dense, and nothing else than sums and means of elements is between them.
[[nodiscard]] std::vector<ChannelSet> mixable_sets(const Graph& graph, const Liveness& live);

// The filter of a layer that reads a tensor: [groups, outputs of a group, weights of one output], where weight k of an
// output reads channel k modulo `channels` of its group.
struct ReadingFilter {
  std::size_t outputs = 0;   // of a group
  std::size_t channels = 0;  // of a group
};
[[nodiscard]] ReadingFilter reading_filter(const Graph& graph, const Node& node);

}  // namespace narrow::graph
