// Cross-layer equalization: the float network with channels of about the same size. (Nagel et al., "Data-Free
// Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1; here the sizes are those of
// activations, because weights have a scale for each output channel.)
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "quantize/channel_sets.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// By how much each channel is multiplied: at least 1, at most kMostEqualization; no observed value is moved beyond the
// end of a clamp. Formula: docs/numerics.md, "Equalization". observations: by ValueId. Empty: not known.
inline constexpr double kMostEqualization = 32;
[[nodiscard]] std::vector<float> equalization_factors(const Graph& graph, const ChannelSet& tensors,
                                                      const std::vector<std::optional<Observation>>& observations);

// Multiplies the filters and biases that write each channel by its factor, and divides the weights that read it. The
// weights of other copies of the graph stay as they are.
void apply_factors(const ChannelSet& tensors, const std::vector<float>& factors, Graph& graph);

}  // namespace narrow::graph
