// Whether a node can be computed on integers.
#pragma once

#include <optional>
#include <vector>

#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::graph {

// What validate() will find in `node` once its inputs have these parameters and its output those; nothing: float32,
// from a layer's accumulators. `node` is of `graph`, but may have another operator, filter or clamp than there.
[[nodiscard]] Status check_on_integers(const Graph& graph, Node node,
                                       const std::vector<std::optional<Quantization>>& inputs,
                                       const std::optional<Quantization>& output);

// The clamp that is left of a node whose output has these parameters: none where their range implies it.
[[nodiscard]] Clamp clamp_beside(const Clamp& clamp, const Quantization& output);

}  // namespace narrow::graph
