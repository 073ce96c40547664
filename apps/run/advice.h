// What a user can do about the layers that hurt most, from what was measured of them.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "narrow/inspect.h"
#include "narrow/layer_study.h"

namespace narrow::cli {

// What the noise of a layer comes from: its weights, the rounding of its output, or what its output cuts off.
enum class Cause { kWeights, kRounding, kClipping };
[[nodiscard]] std::string to_string(Cause cause);  // "weights", "rounding", "clipping"

// What is to be done about a layer, as an option of narrow quantize.
struct Remedy {
  std::string option;           // "--layer-weights conv1=6"; empty where there is none for one layer
  std::string text;             // a sentence that says why
  std::optional<Trial> trial;   // what was measured of it
  std::int64_t more_bytes = 0;  // of weights, if `trial` is there
};

// Sum 1; all 0 where there is no noise.
struct CauseShares {
  double weights = 0;
  double rounding = 0;
  double clipping = 0;
};

struct LayerAdvice {
  std::string layer;
  double noise_share = 0;  // of the sum of the layers' effects on the scores
  CauseShares shares;
  // Whether `shares` are of the noise in the scores, as the trials of more bits measured it. Else they are of the error
  // of the layer's output, which may be another split.
  bool is_measured = false;
  Cause cause = Cause::kWeights;  // the largest of `shares`
  double cause_share = 0;
  std::vector<Remedy> remedies;
};

// Six bits for the weights and the outputs of the three layers with the largest effects, where they have fewer and more
// would help: the answer to a question that every reader of a report has.
struct SixBits {
  std::vector<std::string> layers;  // the three, or as many as there are
  std::vector<std::pair<std::string, Trial>> changes;
  std::int64_t more_bytes = 0;  // of weights
  double noise_left = 1;        // of the sum of the layers' effects, as if changes were independent
  Interval left;                // 95 %, of what images differ by; other rounding errors are not in it
};

// What other ranges would give to the layers of the advice, as if changes were independent.
struct BetterRanges {
  std::size_t tried = 0;     // layers
  std::size_t helped = 0;    // of them
  double noise_removed = 0;  // of the sum of the layers' effects
  Interval removed;          // 95 %, as SixBits::left
  double by_narrower = 0;    // of noise_removed, by ranges narrower than the layers have
};

struct Advice {
  std::vector<LayerAdvice> layers;  // the largest effect first
  SixBits six_bits;
  BetterRanges ranges;
  // Of the layers' effects on the scores: each layer's shares as in LayerAdvice, by its effect. The rounding of inputs
  // is that of the layers before, and is not counted again.
  CauseShares shares;
  double measured_share = 0;  // of the effects: of the layers whose shares are measured
};

// The trial with the most bits for the weights or the output of a layer. nullptr: none was tried.
[[nodiscard]] const Trial* trial_with_most_bits(const LayerStudy& layer, TrialOf of);

// layers: those of Model::layers(), as study.layers.
[[nodiscard]] Advice advise(const NetworkStudy& study, const std::vector<LayerInfo>& layers);

}  // namespace narrow::cli
