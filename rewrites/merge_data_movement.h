// Merges consecutive operators that only move elements.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// The second of two consecutive Reshape or Flatten, Transpose, Slice, Gather or Pad nodes does the work of both and
// reads the input of the first. A Transpose that only moves dimensions of 1 becomes a Reshape, and a Reshape to a
// vector becomes a Flatten. remove_identities() removes the operators that then change nothing. Precondition: a valid
// graph.
[[nodiscard]] PassLog merge_data_movement(Graph& graph);

}  // namespace narrow::graph
