// What a graph of integers and floats means, in int64 and double, with one loop per operator and nothing else in mind.
// It shares no code with kernels or plans; sessions must equal it bit for bit.
#pragma once

#include <vector>

#include "graph/ir.h"

namespace narrow::testing {

// Scores of one image.
[[nodiscard]] std::vector<float> interpret(const graph::Graph& graph, const std::vector<float>& image);

}  // namespace narrow::testing
