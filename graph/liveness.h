// Finds the live parts of a graph.
#pragma once

#include <cstddef>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

struct Liveness {
  ValueMap<bool> values;    // the output depends on the value, or the value is the input
  std::vector<bool> nodes;  // by node index
};

// Precondition: a graph that passes validate().
[[nodiscard]] Liveness find_live(const Graph& graph);

}  // namespace narrow::graph
