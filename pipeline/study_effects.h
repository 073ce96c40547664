// What a layer does alone to its output and to the scores, for study_network().
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "pipeline/study_networks.h"

namespace narrow {
inline namespace v0 {

// The effect of one variant of a layer, over the effect images.
struct Effect {
  Power local;
  Power scores;
  std::vector<double> image_noise;  // of the scores of each image
  std::size_t changed = 0;
  std::vector<Power> channels;
  Power weights;
  Power rounding;
  Power clipping;
  Power inputs;
  // Sums over the elements of each channel of the weights' error, of which a corrected bias takes the mean.
  std::vector<double> weight_errors;
  std::vector<float> own;  // the layer's own error, in the reference's units
};

// What the layer as it is in `variant`, a graph with the model's nodes, does alone: it computes on the reference's
// tensors, rounded as the model rounds them. Its error without that of the inputs is added to the reference's tensor,
// and the rest of the reference runs. pair: to measure the weights' part of the error as well. Nothing where the
// reference has not all that the layer reads.
[[nodiscard]] Result<std::optional<Effect>> effect_of(const StudiedNetworks& networks, const StudiedLayer& layer,
                                                      const graph::Graph& variant, const LayerPair* pair);

}  // namespace v0
}  // namespace narrow
