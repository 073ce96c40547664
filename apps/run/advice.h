// What a user can do about the layers that hurt most, from what was measured of them.
#pragma once

#include <optional>
#include <string>
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

struct Advice {
  std::vector<LayerAdvice> layers;  // the largest effect first
  // Shares of the layers' effects on the scores by cause; the rounding of inputs is that of the layers before, and is
  // not counted again. Sum 1. All 0 where there are no effects.
  double weights = 0;
  double rounding = 0;
  double clipping = 0;
};

// layers: those of Model::layers(), as study.layers.
[[nodiscard]] Advice advise(const NetworkStudy& study, const std::vector<LayerInfo>& layers);

}  // namespace narrow::cli
