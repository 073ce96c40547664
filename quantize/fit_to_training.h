// The float network, changed so that its layers compute on any images what they computed on the training images: as
// far as BatchNorm remembers it.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/ir.h"
#include "narrow/result.h"
#include "quantize/activations.h"
#include "quantize/decisions.h"
#include "quantize/methods.h"
#include "quantize/trained_statistics.h"

namespace narrow::graph {

// What was made of the output of a layer before its clamp, by output channel: scale * y + shift.
struct Fit {
  std::vector<double> scale;  // > 0
  std::vector<double> shift;
};

struct FittedNetwork {
  Graph graph;
  std::vector<std::optional<Fit>> layers;  // by node index; nothing for layers without statistics
  std::size_t fitted = 0;                  // layers
  std::size_t unknown = 0;                 // layers without statistics, the last one left out
};

// Layer by layer in the order of the graph: filters and biases are scaled and shifted until each channel has the mean
// and the standard deviation of training over the images, which have gone through the layers before it. Holds the
// images' tensors in memory; as many of the images take part as fit into memory_bytes, at least 16. The result does not
// depend on the threads. Errors: kUnsupported if no layer has statistics; those of FloatExecutor and of the images.
[[nodiscard]] Result<FittedNetwork> fit_to_training(const Graph& graph, const std::vector<TrainedLayer>& trained,
                                                    Activations& activations, std::size_t memory_bytes, int threads);

// From decisions about the fitted network to the same integers for the network itself. context: of the network itself.
// Error: that of assemble_filter().
Status take_back(const Context& context, const FittedNetwork& fitted, Decisions& decisions);

}  // namespace narrow::graph
