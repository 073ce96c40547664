// The float executor against the float64 evaluator.
#pragma once

#include <vector>

#include "graph/ir.h"

namespace narrow::testing {

// The numbers of a random input as the executor takes them.
[[nodiscard]] std::vector<float> to_float(const std::vector<double>& values);

// Checks every live value of one random input, within 2e-6 of the largest one: single precision adds up to a few
// thousand terms. A second run must give the same bytes.
void check_against_naive(const graph::Graph& graph, unsigned seed);

[[nodiscard]] bool same_bytes(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace narrow::testing
