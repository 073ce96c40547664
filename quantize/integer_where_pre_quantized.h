// A quantized graph without calibration: what is pre-quantized runs in integers, the rest in float32.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"
#include "narrow/result.h"

namespace narrow::graph {

struct PartlyIntegerGraph {
  Graph graph;             // passes validate(); no pre-quantized weights are left
  std::vector<Event> log;  // what runs in integers and what in float32, and why
};

// A Quantize whose input is computed from dequantized values becomes that computation on their integers; a
// pre-quantized layer that reads a dequantized value and is read in float32 writes float32 from its accumulators.
// docs/numerics.md says what that computes; it equals the simulation in float up to float rounding.
// Precondition: a graph that simplify() has been through. Errors: what validate() finds.
[[nodiscard]] Result<PartlyIntegerGraph> integer_where_pre_quantized(const Graph& graph);

}  // namespace narrow::graph
