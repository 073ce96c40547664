// Which parts of a graph matter.
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

}  // namespace narrow::graph
