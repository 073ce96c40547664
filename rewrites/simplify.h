// All passes, in the order that every float graph goes through.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"

namespace narrow::graph {

// Removes what is dead or changes nothing, gives functions and pools their plainest form, folds padding, transpositions
// and BatchNorms into layers and fuses activations until nothing moves, then makes the BatchNorms that are left
// depthwise convolutions. Quantization that the graph states (Quantize, Dequantize, weight codes) is kept, and placed
// where integers can use it. The function of the network stays the same up to float rounding.
// Afterwards the graph holds no BatchNorm and no Identity (unless it is the only node).
// Returns one event per rewrite, e.g. kFolded, "bn1": "folded batch norm 'bn1' into convolution 'conv1'".
// Errors: what validate() finds, quantized weights, a BatchNorm that can't be computed in float. The
// graph's contents are then unspecified.
[[nodiscard]] Result<std::vector<Event>> simplify(Graph& graph);

}  // namespace narrow::graph
