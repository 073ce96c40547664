// Whether a rewritten graph still computes what the original did.
#pragma once

#include <string>

#include "graph/ir.h"
#include "tests/support/graph/named.h"

namespace narrow::testing {

// Largest difference of the outputs over some random inputs, relative to the largest output. Both graphs are valid.
[[nodiscard]] double largest_difference(const graph::Graph& original, const graph::Graph& rewritten);

// Signal over noise, in decibels, of the outputs over some random inputs. want: the signal; have: it with noise.
[[nodiscard]] double signal_to_noise(const graph::Graph& want, const graph::Graph& have);

// Number of nodes with this operator.
template <class Op>
[[nodiscard]] int count(const graph::Graph& graph) {
  int result = 0;
  for (const graph::Node& node : graph.nodes) result += std::holds_alternative<Op>(node.op) ? 1 : 0;
  return result;
}

// Runs simplify on a copy and checks (with doctest) that it succeeds, keeps the function and leaves a valid graph
// without BatchNorm. Returns the copy; `log` gets the lines, joined by newlines.
[[nodiscard]] graph::Graph check_simplify(const graph::Graph& graph, std::string* log = nullptr);

}  // namespace narrow::testing
