// Decisions as the float executor simulates them.
#pragma once

#include "floating/simulation.h"
#include "graph/ir.h"
#include "quantize/decisions.h"
#include "quantize/representation_plan.h"

namespace narrow::graph {

// With it the float executor computes what the graph that build() makes of the same decisions computes, bit for bit;
// the limits are those of FloatExecutor. Decisions may be incomplete: a value without one is not rounded, and a layer
// without one keeps its float weights.
[[nodiscard]] Simulation simulate(const Graph& graph, const RepresentationPlan& plan, const Decisions& decisions);

}  // namespace narrow::graph
