// Folds Transposes into linear layers, which can read their input in any order.
#pragma once

#include "rewrites/links.h"

namespace narrow::graph {

// If a Linear is the only reader of a Transpose, its weights, with their integers, are reordered instead. Between the
// two there may be Flatten, Reshape and operators on each element. Exporters write such a Transpose to flatten an image
// in another layout. Precondition: a valid graph without quantized weights.
[[nodiscard]] PassLog fold_transposes(Graph& graph);

}  // namespace narrow::graph
