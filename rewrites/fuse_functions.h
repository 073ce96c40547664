// Recognises nonlinear functions that exporters write as several nodes.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Makes Silu of x * Sigmoid(x); HardSwish of x * HardSigmoid(x) and of c * (x * clamp(a * x + b, 0, 1 / c));
// HardSigmoid of an affine, a clamp and an affine with results in [0, 1]; Gelu of x * (1 + erf(x / sqrt(2))) / 2, with
// the factors in any order, and GeluTanh likewise; Softplus of log(1 + exp(x)); Mish of x * tanh(Softplus(x)). The
// affines are BatchNorms that are the same on all channels, so this pass runs before they are folded. A PRelu with one
// slope becomes a LeakyRelu. A PRelu with slope 0 or an Elu with alpha 0 becomes a ReLU. Functions on uint8 are tables
// and stay. Precondition: a valid graph. Error: a BatchNorm that can't be computed.
[[nodiscard]] Result<PassLog> fuse_functions(Graph& graph);

}  // namespace narrow::graph
