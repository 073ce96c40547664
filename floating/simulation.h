// A quantization that the float executor simulates, as data.
#pragma once

#include <optional>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// Integers for a float graph. Indices are those of the graph. A list may be shorter than the graph or empty; the rest
// then has no integers here.
//
// A node computes in integers if all its inputs and its output have a quantization, here or in the graph. A layer
// computes in integers if it has integer weights and its input has a quantization. If its output has none, it writes
// its accumulators as real numbers; an Add of them to a tensor with a quantization computes in integers too. The
// results then equal those of the integer network bit for bit (docs/numerics.md). All other nodes compute in float on
// the real numbers that they read.
struct Simulation {
  // The quantization that the value is rounded to. A node that computes in integers writes levels of it. The values of
  // other nodes, and the network's input, are rounded as the operator Quantize does it.
  ValueMap<std::optional<Quantization>> values;
  // By node index: the integers of layers. They replace the float weights.
  std::vector<std::optional<QuantizedFilter>> filters;
  // By node index: the node computes in float and reads its inputs as their nodes wrote them, before any rounding.
  std::vector<bool> in_float;
};

}  // namespace narrow::graph
