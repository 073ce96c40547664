// Concat scale unification: what is only concatenated is rounded to the scale of the result at once.
#pragma once

#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "quantize/bit_plan.h"

namespace narrow::graph {

// By ValueId: the value whose scale and zero point it takes; itself for most. An input of a Concat takes those of the
// Concat's output if no other node reads it, also not on the way through lossless operators, and if both have the same
// bits. Its integers would be rounded to the coarser levels of the concatenated tensor anyway: rounding once is closer
// to the float network, and the Concat only copies. A Concat that is only read by another one takes that one's scale
// and zero point. `plan` holds sources and bits.
[[nodiscard]] std::vector<ValueId> find_concat_scales(const Graph& graph, const Liveness& live, const BitPlan& plan);

}  // namespace narrow::graph
