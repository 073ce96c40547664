// Cross-layer equalization: the float network with channels of about the same size. (Nagel et al., "Data-Free
// Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1; here the sizes are those of
// activations, because weights have a scale for each output channel.)
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "graph/liveness.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// Tensors whose channels can be scaled together without changing what the network computes: layers write them, and only
// layers read them, directly or through pools, padding, flattening and residual sums.
struct Equalizable {
  std::vector<ValueId> values;       // ascending
  std::vector<std::size_t> writers;  // layers, by node index; ascending; all with the same number of output channels
  std::vector<std::size_t> readers;
  bool is_read_by_channel = false;  // all readers are depthwise
};

// In the order of the graph. What concatenations, functions, normalizations and the network's input or output have a
// part in is none of them, and neither are tensors of layers that are pre-quantized.
[[nodiscard]] std::vector<Equalizable> equalizable_tensors(const Graph& graph, const Liveness& live);

// By how much each channel is multiplied: at least 1, at most kMostEqualization; no observed value is moved beyond the
// end of a clamp. Formula: docs/numerics.md, "Equalization". observations: by ValueId. Empty: not known.
inline constexpr double kMostEqualization = 32;
[[nodiscard]] std::vector<float> equalization_factors(const Graph& graph, const Equalizable& tensors,
                                                      const std::vector<std::optional<Observation>>& observations);

// Multiplies the filters and biases that write each channel by its factor, and divides the weights that read it. The
// weights of other copies of the graph stay as they are.
void apply_factors(const Equalizable& tensors, const std::vector<float>& factors, Graph& graph);

}  // namespace narrow::graph
