// A linear layer reads its input in any order.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// A Transpose whose only reader is a Linear, also across Flatten, Reshape and what acts on each element alone, moves
// into the order of the Linear's weights (codes included): what flattening a picture in another layout leaves behind.
// Precondition: a valid graph without quantized weights.
[[nodiscard]] PassLog fold_transposes(Graph& graph);

}  // namespace narrow::graph
