// Folds BatchNorms: their y = scale * x + shift becomes part of the weights and biases of the layers around them.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Folds every BatchNorm that its neighbours can absorb exactly: backward into its producer if it is the only reader,
// else forward into all of its readers. In both directions it passes operators that commute with it. Folding is
// computed in double and rounded to float once, however many BatchNorms one layer absorbs. A BatchNorm that can't be
// folded stays; if several were merged into it, it is their product. A pre-quantized layer keeps its weight integers: a
// BatchNorm after it changes the scales and the signs of the integers, one before it stays. Precondition: a valid float
// graph. Error: a BatchNorm that can't be computed, or weights beyond the range of float.
[[nodiscard]] Result<PassLog> fold_batch_norms(Graph& graph);

}  // namespace narrow::graph
