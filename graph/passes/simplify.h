// All passes, in the order that every float graph goes through.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// Removes what is dead or changes nothing, folds BatchNorms and fuses activations until nothing moves, then makes the
// BatchNorms that are left depthwise convolutions. The function of the network stays the same up to float rounding.
// Afterwards the graph holds no BatchNorm and no Identity (unless it is the only node).
// Returns one line per rewrite, e.g. "folded batch norm 'bn1' into convolution 'conv1'".
// Errors: what validate() finds, a graph that is quantized already, a BatchNorm that can't be computed in float. The
// graph's contents are then unspecified.
[[nodiscard]] Result<std::vector<std::string>> simplify(Graph& graph);

}  // namespace narrow::graph
