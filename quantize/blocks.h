// Parts of a network that are reconstructed together.
#pragma once

#include <vector>

#include "floating/program.h"
#include "graph/ir.h"
#include "graph/liveness.h"

namespace narrow::graph {

// One value goes in and one comes out; nothing else crosses its borders.
struct Block {
  NodeRange nodes;
  ValueId input = kNoValue;
  ValueId output = kNoValue;
};

// All nodes up to the one that writes the output, in order. What lies between a split and the node that joins the
// branches again is one block, such as a residual block. Of layers in a row, a depthwise one is in a block with the
// layer before it and the one after it (an inverted residual), others are blocks of their own. Nodes without weights
// belong to the block before them. A node that has no gradient (floating/gradients/) is not joined with others.
[[nodiscard]] std::vector<Block> divide_into_blocks(const Graph& graph, const Liveness& live);

}  // namespace narrow::graph
