// Which parts of a graph matter, and for how long each value has to be kept.
#pragma once

#include <cstddef>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

struct Liveness {
  ValueMap<bool> values;    // the output depends on it, or it is the input
  std::vector<bool> nodes;  // by node index
};

// Precondition: a graph that passes validate().
[[nodiscard]] Liveness find_live(const Graph& graph);

// Buffers that values share when their lifetimes do not overlap.
struct BufferPlan {
  std::vector<int> slot;                 // by ValueId; -1: a dead value
  std::vector<std::size_t> slot_floats;  // size of each slot
};

// Gives each live value a slot for the time from its producer to its last reader. A node's output never shares a slot
// with one of its inputs, except that operators whose output holds the very floats of their input (Flatten, Reshape,
// Identity, Dequantize) hand theirs on.
[[nodiscard]] BufferPlan plan_buffers(const Graph& graph, const Liveness& live);

}  // namespace narrow::graph
