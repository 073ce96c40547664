// Nonlinear functions that exporters take apart, put together again.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Silu from x * Sigmoid(x); HardSwish from x * HardSigmoid(x) and from c * (x * clamp(a * x + b, 0, 1 / c));
// HardSigmoid from an affine, a clamp and an affine that end in [0, 1]; Gelu from x * (1 + erf(x / sqrt(2))) / 2, with
// the factors in any order, and GeluTanh likewise. Affines are BatchNorms that do the same on all channels, so this
// comes before folding. A PRelu with one slope is a LeakyRelu, and one with slope 0 a ReLU, as is an Elu with alpha 0.
// Functions on uint8, which are tables, stay. Precondition: a valid graph. Error: a BatchNorm that can't be computed.
[[nodiscard]] Result<PassLog> fuse_functions(Graph& graph);

}  // namespace narrow::graph
