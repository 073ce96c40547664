// Whether calibration images look like those that the network was trained with. Quantization follows the calibration
// images, so that wrong ones cost accuracy without any other sign.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"
#include "narrow/result.h"
#include "quantize/activations.h"
#include "quantize/statistics/observer.h"
#include "quantize/trained_statistics.h"

namespace narrow::graph {

// Another preparation of the same images, as a change of the network's input: scale * x + shift by channel, after red
// and blue have changed places if `swaps`.
struct InputVariant {
  std::string name;  // "red and blue exchanged"
  bool swaps = false;
  std::array<float, 3> scale{1.0F, 1.0F, 1.0F};
  std::array<float, 3> shift{0.0F, 0.0F, 0.0F};
};

struct CalibrationExpectations {
  std::vector<TrainedLayer> trained;
  std::vector<InputVariant> variants;
};

// How far the channels of a layer are, on average over the images, from where BatchNorm saw them in training.
struct LayerDistance {
  std::size_t node = 0;
  double distance = 0;  // root of the mean square over channels, in standard deviations of the channel
};
// Of the layers that are still as BatchNorm made them. The distribution of a channel is taken to be normal before the
// layer's clamp. means: by ValueId, [channels]; empty where nothing was observed.
[[nodiscard]] std::vector<LayerDistance> distances_to_training(const Graph& graph,
                                                               const std::vector<TrainedLayer>& trained,
                                                               const std::vector<std::vector<float>>& means);

// Warnings about too few images, images of one class, and images that the network was not trained for; which of the
// variants fits better, if one does. A summary says how well the images fit. Runs the first layers on some images again
// where they do not fit. observations: by ValueId, from observe(). Error: that of the images.
[[nodiscard]] Result<std::vector<Event>> check_calibration(const CalibrationExpectations& expected,
                                                           Activations& activations,
                                                           const std::vector<std::optional<Observation>>& observations);

}  // namespace narrow::graph
