// Activations are clamp ranges: they belong to the layer whose result they clamp.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Moves every Activation on float into the clamp of the Convolution, Linear, Add, Subtract, Multiply or earlier
// Activation that makes its input, also across what a clamp commutes with (max pooling, concatenation, moving elements,
// padding where zero is in range). Every value on the way must have this one reader. An Activation that can't move
// stays; nothing moves across Quantize and Dequantize. Precondition: a valid graph without quantized weights.
[[nodiscard]] PassLog fuse_activations(Graph& graph);

}  // namespace narrow::graph
