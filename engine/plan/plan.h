// A network compiled for one CPU: the steps in order and the locations of their tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "engine/model/weight_pages.h"
#include "engine/plan/step.h"
#include "graph/ir.h"
#include "narrow/result.h"
#include "narrow/types.h"

namespace narrow::engine {

struct Plan {
  std::vector<std::unique_ptr<Step>> steps;
  std::size_t tensor_bytes = 0;        // tensors of max_batch images in the arena
  std::size_t largest_live_bytes = 0;  // see MemoryPlan
  std::size_t workspace_bytes = 0;     // of one slot; a multiple of the arena's alignment
};

// What a session may take, see SessionOptions.
struct SessionLimits {
  std::size_t memory_bytes = std::numeric_limits<std::size_t>::max();
  std::int64_t operations = std::numeric_limits<std::int64_t>::max();
};

// Compiles a graph, which must be valid and must outlive the plan. max_batch >= 1. pages: of the graph's packed
// weights; they are released as layers pack theirs anew. nullptr: nothing is released. Errors: those of make_step;
// kLimit if the memory for max_batch images can't
// be addressed, or if the network takes more than the limits; that is known before any weight is packed.
[[nodiscard]] Result<Plan> compile(const graph::Graph& graph, Isa isa, int max_batch,
                                   const WeightPages* pages = nullptr, const SessionLimits& limits = {});

}  // namespace narrow::engine
