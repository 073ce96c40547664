// Where each tensor of a network is while it runs.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/plan/step.h"
#include "engine/plan/step_groups.h"
#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::engine {

struct TensorPlacement {
  graph::ValueMap<Location> locations;  // a value that a node passes on without moving a byte is where its source is
  std::size_t bytes = 0;                // of the arena's part for tensors
  std::size_t largest_live_bytes = 0;   // see MemoryPlan
};

// Places the tensors of a valid graph for max_batch images. The buffers of run()'s caller serve as input and scores,
// the arena holds what one group writes and another reads, and tensors within a group are InChain or BetweenStages. If
// the output is the unchanged input, its location is InInput. kept: values whose bytes stay until the end of the run.
// Error: kLimit if a size can't be addressed.
[[nodiscard]] Result<TensorPlacement> place_tensors(const graph::Graph& graph, const std::vector<StepGroup>& groups,
                                                    int max_batch, std::span<const graph::ValueId> kept = {});

}  // namespace narrow::engine
