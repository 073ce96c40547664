// Concat range unification: what is only joined is rounded to the scale of the joined tensor at once.
#pragma once

#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "quantize/bit_plan.h"

namespace narrow::graph {

// By ValueId: the value whose scale and zero point it takes; itself for most. An input of a Concat takes those of the
// Concat's output if nobody else reads it, also not on the way through lossless operators, and if both have the same
// width. Its integers would be rounded to the coarser grid of the joined tensor anyway: rounding once is closer to the
// float network, and the Concat only copies. A Concat that is only read by another one takes that one's grid.
// `plan` tells sources and widths.
[[nodiscard]] std::vector<ValueId> find_concat_grids(const Graph& graph, const Liveness& live, const BitPlan& plan);

}  // namespace narrow::graph
