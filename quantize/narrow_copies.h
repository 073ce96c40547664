// Copies of residual tensors: layers read few bits, and the sum after the block reads eight.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/bit_plan.h"

namespace narrow::graph {

struct NarrowCopies {
  Graph graph;
  std::map<std::string, std::string> names;  // of the copies, by the name of the node whose output is copied
};

// A float graph that computes the same, in which layers read a tensor through an Activation of their own where an Add
// reads the tensor too, and `bits` gives it fewer than 8 bits. So the Add reads 8 bits, and what residual branches add
// up is not rounded to few bits at each sum. The Activation and its output are named NAME.narrow (kNarrowCopySuffix).
// bits: a plan of `graph`. Nothing where there is no such tensor.
[[nodiscard]] Result<std::optional<NarrowCopies>> with_narrow_copies(const Graph& graph, const Liveness& live,
                                                                     const BitPlan& bits);

// The options with bits that are given to copies by name given to the layers instead, which `graph` has.
[[nodiscard]] QuantizeOptions name_layers_of_copies(QuantizeOptions options, const Graph& graph);

}  // namespace narrow::graph
