// Runs all passes, in the order that every float graph needs.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"

namespace narrow::graph {

// Removes nodes that are dead or change nothing. Replaces functions and pools by their simplest operator. Folds
// padding, transpositions and BatchNorms into layers and fuses activations until nothing changes. Then replaces the
// BatchNorms that are left by depthwise convolutions. Pre-quantized parts (Quantize, Dequantize, weight integers) are
// kept and moved to where integer arithmetic can use them. The function of the network stays the same up to float
// rounding.
// Afterwards the graph holds no BatchNorm and no Identity (unless it is the only node).
// Returns one event per rewrite, such as kFolded, "bn1": "folded batch norm 'bn1' into convolution 'conv1'".
// Errors: those of validate(), quantized weights, a BatchNorm that float can't compute. The contents of the graph are
// then unspecified.
[[nodiscard]] Result<std::vector<Event>> simplify(Graph& graph);

}  // namespace narrow::graph
