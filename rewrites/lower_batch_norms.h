// Replaces each BatchNorm that no neighbour can absorb by a layer that can run in integers.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Every BatchNorm becomes a depthwise 1x1 convolution. It has one weight per channel, which a scale per channel
// represents exactly with any number of bits. In a pre-quantized graph it gets weight integers, +-127. Precondition: a
// valid float graph, after fold_batch_norms. Error: a BatchNorm that can't be computed, or weights beyond the range of
// float.
[[nodiscard]] Result<PassLog> lower_batch_norms(Graph& graph);

}  // namespace narrow::graph
