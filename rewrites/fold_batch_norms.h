// BatchNorm folding: y = scale * x + shift moves into the weights and biases around it.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// Folds every BatchNorm that neighbours can absorb exactly: backward through its producer where it is the only reader,
// else forward into all of its readers; in both directions through whatever commutes with it. Folding is computed in
// double and rounded once to float, however many BatchNorms meet in one layer. What can't fold stays a BatchNorm; it is
// the product where some were merged. A layer with weight codes keeps them: what comes after it goes into its scales
// and the codes' signs, what comes before it stays. Precondition: a valid float graph. Error: a BatchNorm that can't be
// computed, or weights that leave float's range.
[[nodiscard]] Result<PassLog> fold_batch_norms(Graph& graph);

}  // namespace narrow::graph
