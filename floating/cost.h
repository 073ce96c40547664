// What a float network takes, counted before it runs.
#pragma once

#include "graph/ir.h"
#include "narrow/float_limits.h"
#include "narrow/result.h"

namespace narrow::graph {

// How many executors of the whole graph the limits allow, at most `threads` (>= 1). Nothing in the size of a tensor is
// allocated. Errors: kLimit, not even one; those of validate() and plan_program().
[[nodiscard]] Result<int> threads_within(const Graph& graph, int threads, const FloatLimits& limits);

}  // namespace narrow::graph
