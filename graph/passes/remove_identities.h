// Operators that change nothing.
#pragma once

#include "graph/passes/links.h"

namespace narrow::graph {

// Takes out Identity, Flatten of a vector, PadChannels of nothing, 1x1 pooling with stride 1, global average pooling of
// one pixel and Activation without bounds. One stays where the graph would be left without a node.
// Precondition: a valid float graph.
[[nodiscard]] PassLog remove_identities(Graph& graph);

}  // namespace narrow::graph
