// The weights of a layer for study_network(): in real numbers beside the reference's, in bins, and with other bits.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph/ir.h"
#include "narrow/layer_study.h"
#include "pipeline/channel_factors.h"

namespace narrow {
inline namespace v0 {

// The number of bins over the levels of a range, and more on both sides for what lies outside. A bin is a whole number
// of levels, or a level a whole number of bins, so that the grid shows.
[[nodiscard]] BinnedCounts bins_on_grid(const QRange& range);
// One bin for each level.
[[nodiscard]] BinnedCounts bins_of_levels(const QRange& range);
void count(BinnedCounts& bins, double level);

// A layer of the model beside its counterpart, both convolutions or both linear layers with as many weights.
struct LayerPair {
  const graph::Graph* model = nullptr;
  const graph::Node* layer = nullptr;
  const graph::Graph* reference = nullptr;
  const graph::Node* counterpart = nullptr;
  const ChannelFactors* input = nullptr;   // of the tensors that they read
  const ChannelFactors* output = nullptr;  // of the tensors that they write
};

// Whether a layer has integer weights.
[[nodiscard]] bool has_integers(const graph::Graph& graph);
[[nodiscard]] bool have_weights_alike(const graph::Node& layer, const graph::Node& counterpart);

// The real weights of a filter, [out_channels, ...], and the reference's in the model's units.
[[nodiscard]] std::vector<float> real_weights(const graph::Filter& filter);
[[nodiscard]] std::vector<float> reference_weights(const LayerPair& pair);

// A graph of one node: the counterpart in float, with the real numbers of the layer's weights and biases in the
// reference's units.
[[nodiscard]] Result<graph::Graph> layer_in_reals(const LayerPair& pair);

// Whether the model's biases are others than the reference's by more than their rounding: quantization has corrected
// them.
[[nodiscard]] bool has_corrected_bias(const LayerPair& pair);

// The layer's filter with the reference's weights, rounded to the nearest of so many bits per channel, and its biases.
[[nodiscard]] graph::QuantizedFilter with_bits(const LayerPair& pair, int bits);

// reference: empty for none, else reference_weights().
[[nodiscard]] WeightStudy study_weights(const graph::QuantizedFilter& filter, std::span<const float> reference);

// LayerStudy::headroom_bits of a layer with integer weights whose input has this quantization.
[[nodiscard]] double headroom_bits(const graph::QuantizedFilter& filter, const Quantization& input);

}  // namespace v0
}  // namespace narrow
