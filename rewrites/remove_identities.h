// Removes operators that change nothing.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Removes Identity, Flatten of a vector, Reshape to the same shape, Transpose that keeps the order, Slice of
// everything, Pad and PadChannels of nothing, 1x1 pooling with stride 1, global average pooling of one pixel and
// Activation without bounds, unless they change the quantization. The last node of a graph stays. Precondition: a valid
// float graph.
[[nodiscard]] PassLog remove_identities(Graph& graph);

}  // namespace narrow::graph
