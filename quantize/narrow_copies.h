// Copies of residual tensors: layers read few bits, and the sum after the block reads eight.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/result.h"
#include "quantize/bit_plan.h"

namespace narrow::graph {

// A float graph that computes the same, in which layers read a tensor through an Activation of their own where an Add
// reads the tensor too, and `bits` gives it fewer than 8 bits. So the Add reads 8 bits, and what residual branches add
// up is not rounded to few bits at each sum. The Activation and its output are named NAME.narrow. bits: a plan of
// `graph`. except: names of nodes whose outputs stay as they are. Nothing where there is no such tensor.
[[nodiscard]] Result<std::optional<Graph>> with_narrow_copies(const Graph& graph, const Liveness& live,
                                                              const BitPlan& bits, const std::set<std::string>& except);

}  // namespace narrow::graph
