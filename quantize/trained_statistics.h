// What the BatchNorm layers of a network remember of the images that it was trained with.
#pragma once

#include <string>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// The distribution of a layer's output over the training images before any clamp, by output channel.
struct TrainedLayer {
  std::string layer;
  std::vector<float> mean;       // beta of the BatchNorm
  std::vector<float> deviation;  // standard deviation: |gamma|
  std::vector<float> bias;       // of the layer once the BatchNorm is folded into it; tells whether anything else was
};

// Of each convolution or linear layer that only a BatchNorm reads, in the order of the graph. To be called before
// simplify(), which folds them. (Ioffe and Szegedy, "Batch Normalization", 2015.)
[[nodiscard]] std::vector<TrainedLayer> trained_statistics(const Graph& graph);

// Whether the layer is still as folding its BatchNorm left it: another rewrite may have scaled or shifted it.
[[nodiscard]] bool is_as_trained(const Filter& filter, const TrainedLayer& trained);

}  // namespace narrow::graph
