// A network compiled for one CPU: steps in order and where their tensors live.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "engine/plan/step.h"
#include "graph/ir.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::engine {

struct Plan {
  std::vector<std::unique_ptr<Step>> steps;
  std::size_t tensor_bytes = 0;        // of the arena's part for tensors, for max_batch pictures
  std::size_t largest_live_bytes = 0;  // see MemoryPlan
  std::size_t workspace_bytes = 0;     // for one slot; a multiple of the arena's alignment
};

// graph is validated and outlives the plan. max_batch >= 1.
// Errors: those of make_step; kLimit when memory for max_batch pictures can't be addressed.
[[nodiscard]] Result<Plan> compile(const graph::Graph& graph, Isa isa, int max_batch);

}  // namespace narrow::engine
