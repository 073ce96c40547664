// What a user can do about the layers that hurt most, from what was measured of them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "narrow/inspect.h"
#include "narrow/layer_study.h"

namespace narrow::cli {

// The largest part of a layer's own error: its weights, the rounding of its output, or what its output cuts off.
enum class Cause { kWeights, kRounding, kClipping };
[[nodiscard]] std::string to_string(Cause cause);  // "weights", "rounding", "clipping"

// What is to be done about a layer, as an option of narrow quantize.
struct Remedy {
  std::string option;           // "--layer-weights conv1=6"
  std::string text;             // a sentence that says why
  std::optional<Trial> trial;   // what was measured of it
  std::int64_t more_bytes = 0;  // of weights, if `trial` is there
};

struct LayerAdvice {
  std::string layer;
  double noise_share = 0;  // of the sum of the layers' effects on the scores
  Cause cause = Cause::kWeights;
  double cause_share = 0;  // of the layer's own error
  std::vector<Remedy> remedies;
};

// Six bits for the weights and the outputs of the three layers with the largest effects, where they have fewer and more
// would help: the answer to a question that every reader of a report has.
struct SixBits {
  std::vector<std::string> layers;  // the three, or as many as there are
  std::vector<std::pair<std::string, Trial>> changes;
  std::int64_t more_bytes = 0;  // of weights
  double noise_left = 1;        // of the sum of the layers' effects, as if changes were independent
};

struct Advice {
  std::vector<LayerAdvice> layers;  // the largest effect first
  SixBits six_bits;
  // Shares of the layers' effects on the scores by cause; the rounding of inputs is that of the layers before, and is
  // not counted again. Sum 1. All 0 where there are no effects.
  double weights = 0;
  double rounding = 0;
  double clipping = 0;
};

// layers: those of Model::layers(), as study.layers.
[[nodiscard]] Advice advise(const NetworkStudy& study, const std::vector<LayerInfo>& layers);

}  // namespace narrow::cli
