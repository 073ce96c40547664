// Zeros around a picture belong to the window that reads them.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// A Convolution or pool that reads what a Pad writes, directly or as the only reader of its Dequantize, reads what the
// Pad reads, with more padding of its own. An AveragePool then counts the padding; one that has padding which it does
// not count stays as it is. In a MaxPool padding never wins, so it must be known that no number is below zero. Where a
// pooling window would lie in the padding alone, the Pad stays. Precondition: a valid graph.
[[nodiscard]] PassLog fold_pads(Graph& graph);

}  // namespace narrow::graph
