// A BatchNorm that no neighbour can absorb becomes a layer that integers can run.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Replaces every BatchNorm by a depthwise 1x1 convolution: one weight per channel, which a per-channel scale represents
// exactly at any bit width. In a graph with stated quantization it gets weight codes, +-127. Precondition: a valid
// float graph, after fold_batch_norms. Error: a BatchNorm that can't be computed, or weights that leave float's range.
[[nodiscard]] Result<PassLog> lower_batch_norms(Graph& graph);

}  // namespace narrow::graph
