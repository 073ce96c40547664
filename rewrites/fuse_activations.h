// Fuses activations: each becomes the clamp of the layer before it.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Moves every Activation on float into the clamp of the Convolution, Linear, Add, Multiply or other operator with a
// clamp, or the earlier Activation that computes its input. It passes operators that commute with a clamp: max pooling,
// concatenation, moving elements, and padding if zero is in range. Every value in between must have only this reader.
// An Activation that can't move stays. Nothing moves across Quantize and Dequantize. Precondition: a valid graph
// without quantized weights.
[[nodiscard]] PassLog fuse_activations(Graph& graph);

}  // namespace narrow::graph
