// A quantization that the float executor simulates, as data.
#pragma once

#include <optional>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// Integers laid over a float graph. Indices are those of the graph. What is shorter than the graph, or empty, says
// nothing about the rest.
//
// A node computes in integers if all its inputs and its output have a quantization, here or in the graph. A layer does
// if it has integer weights and its input has a quantization; without one of its output it writes the real numbers of
// its accumulators. The real numbers that it gives are then those of the integer network, bit for bit
// (docs/numerics.md). All other nodes compute in float, on the real numbers that they read.
struct Simulation {
  // The levels that the value is rounded to. A node that computes in integers writes these levels. The
  // value of any other node, and the network's input, is rounded as the operator Quantize does it.
  ValueMap<std::optional<Quantization>> values;
  // By node index: the integers of layers, which take the place of their float weights.
  std::vector<std::optional<QuantizedFilter>> filters;
  // By node index: computes in float, and reads its inputs as their nodes wrote them, before any rounding.
  std::vector<bool> in_float;
};

}  // namespace narrow::graph
