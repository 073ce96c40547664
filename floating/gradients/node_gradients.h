// The gradients of nodes without weights, in float, on one image in [height, width, channels] order.
#pragma once

#include <span>

#include "floating/float_nodes.h"
#include "graph/ir.h"

namespace narrow::graph {

// Whether add_input_gradients() knows the operator.
[[nodiscard]] bool has_gradient(const Op& op);

// Adds to gradients[i], of the shape of inputs[i], what `output` (its data is the gradient of the node's output, before
// the clamp) gives. A gradient without data is left out. Precondition: has_gradient().
void add_input_gradients(const Node& node, std::span<const FloatTensor> inputs, const FloatTensor& output,
                         std::span<const FloatTensor> gradients);

}  // namespace narrow::graph
