// What a graph means: every operator as its defining loop, in float64. The reference that passes, executors and
// sessions are compared with; written from the comments of graph/ir.h and sharing no code with the code it checks.
#pragma once

#include <vector>

#include "graph/ir.h"

namespace narrow::testing {

// Real values of all values by ValueId (empty: dead), for one image of input.shape.elems() numbers.
// A uint8 value holds scale * (q - zero_point) where q = clamp(round_half_to_even(y / scale) + zero_point, lo, hi) of
// the exact result y. A kernel, which rounds in single precision, may differ from it by one step at a tie.
// Precondition: validate(graph) is ok.
[[nodiscard]] std::vector<std::vector<double>> evaluate_all(const graph::Graph& graph,
                                                            const std::vector<double>& input);

// The graph's output only.
[[nodiscard]] std::vector<double> evaluate(const graph::Graph& graph, const std::vector<double>& input);

}  // namespace narrow::testing
