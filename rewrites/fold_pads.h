// Folds the zeros of Pad nodes into the padding of the windows that read them.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// If a Convolution or pool reads the output of a Pad, directly or as the only reader of its Dequantize, it then reads
// the input of the Pad and pads more itself. An AveragePool then counts the padding; one with padding that it does not
// count stays as it is. For a MaxPool, whose padding never is the maximum, it must be certain that no element is below
// zero. If a pooling window would lie in the padding only, the Pad stays. Precondition: a valid graph.
[[nodiscard]] PassLog fold_pads(Graph& graph);

}  // namespace narrow::graph
