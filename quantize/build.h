// The one builder of quantized graphs: from a float graph, a plan of representations, and decisions.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/event.h"
#include "narrow/result.h"
#include "quantize/decisions.h"
#include "quantize/representation_plan.h"

namespace narrow::graph {

// An integer tensor of the quantized graph.
struct BuiltTensor {
  ValueId id = kNoValue;          // in the quantized graph
  ValueId of = kNoValue;          // in the float graph
  bool is_pre_quantized = false;  // its parameters are pre-quantized, not decided
};

struct BuiltGraph {
  Graph graph;                        // passes validate()
  std::vector<BuiltTensor> integers;  // in the order in which they are computed; without those the float graph has
  std::vector<Event> log;             // conversions that were inserted
};

// Makes every representation of the plan, with the parameters and weights that were decided. Where a reader requires a
// representation that no node writes, a Quantize or Dequantize is inserted. The graph's input and output stay float32.
// What the output does not depend on is dropped. Preconditions: graph passes validate(); every value with
// needs_decision has one; so has every layer whose representations are integers or sums_to_float. Errors: kLimit, too
// many nodes; what validate() finds in the result.
[[nodiscard]] Result<BuiltGraph> build(const Graph& graph, const Liveness& live, const RepresentationPlan& plan,
                                       const Decisions& decisions);

}  // namespace narrow::graph
