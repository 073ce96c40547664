// Operators that only move elements, one after another.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Of two Reshape or Flatten, two Transpose, two Slice or two Pad in a row the second does both, reading what the first
// reads. A Transpose that only moves dimensions of 1 becomes a Reshape, and a Reshape to a vector a Flatten.
// What changes nothing afterwards is for remove_identities. Precondition: a valid graph.
[[nodiscard]] PassLog merge_data_movement(Graph& graph);

}  // namespace narrow::graph
