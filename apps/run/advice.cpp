#include "apps/run/advice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace narrow::cli {

namespace {

constexpr std::size_t kMostLayers = 12;
constexpr double kSmallestShare = 0.01;  // of the effects; less is not worth advice
constexpr double kSmallPart = 0.25;      // of a layer's noise: a remedy that leaves so much is enough

// Of the layer's own error: the rounding of its inputs is the error of the layers before.
Cause largest(const ErrorParts& parts, double& share) {
  const std::array<std::pair<double, Cause>, 3> all{{{parts.weights, Cause::kWeights},
                                                     {parts.rounding, Cause::kRounding},
                                                     {parts.clipping, Cause::kClipping}}};
  const auto most = std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const double sum = parts.weights + parts.rounding + parts.clipping;
  share = sum > 0 ? most->first / sum : 0;
  return most->second;
}

// The share of the range's levels that 99.9 % of the reference's elements use.
double used_range(const TensorStudy& tensor) {
  if (!tensor.reals) return 1;
  const BinnedCounts& bins = *tensor.reals;
  double total = 0;
  for (const std::uint64_t n : bins.counts) total += static_cast<double>(n);
  constexpr double kTail = 0.0005;
  std::size_t first = 0;
  std::size_t last = bins.counts.size();
  for (double left = kTail * total; first < last; ++first) {
    left -= static_cast<double>(bins.counts[first]);
    if (left < 0) break;
  }
  for (double left = kTail * total; last > first; --last) {
    left -= static_cast<double>(bins.counts[last - 1]);
    if (left < 0) break;
  }
  return std::min(1.0, static_cast<double>(last - first) * bins.width / static_cast<double>(tensor.integers.counts.size()));
}

Remedy of_trial(const BitTrial& trial, const LayerInfo& info) {
  Remedy remedy;
  remedy.option = (trial.of_weights ? "--layer-weights " : "--layer-activations ") + info.name + "=" +
                  std::to_string(trial.bits);
  remedy.text = trial.of_weights ? "More bits for its weights" : "More bits for its output";
  remedy.trial = trial;
  remedy.more_bytes = static_cast<std::int64_t>(trial.weight_bytes) - static_cast<std::int64_t>(info.weight_bytes);
  return remedy;
}

// The smallest number of bits that leaves little of the effect; of several kinds all that help.
void add_trials(LayerAdvice& advice, const LayerStudy& study, const LayerInfo& info) {
  for (const bool of_weights : {true, false}) {
    const BitTrial* chosen = nullptr;
    for (const BitTrial& trial : study.trials) {
      if (trial.of_weights != of_weights || trial.score_noise > 0.9 * *study.score_noise) continue;
      if (chosen == nullptr || chosen->score_noise > kSmallPart * *study.score_noise) chosen = &trial;
    }
    if (chosen != nullptr) advice.remedies.push_back(of_trial(*chosen, info));
  }
  std::stable_sort(advice.remedies.begin(), advice.remedies.end(),
                   [](const Remedy& a, const Remedy& b) { return a.trial->score_noise < b.trial->score_noise; });
}

void add_range_advice(LayerAdvice& advice) {
  if (advice.cause == Cause::kClipping) {
    advice.remedies.push_back({"--observer minmax",
                               "Its range is too narrow for these images: calibrate with more images like them, or take "
                               "the extremes as the range",
                               std::nullopt, 0});
  } else if (advice.cause == Cause::kRounding && advice.used_range < 0.5) {
    advice.remedies.push_back({"--observer percentile",
                               "Its range is wide for what it holds, so its levels are far apart: leave rare large "
                               "values out of the range",
                               std::nullopt, 0});
  }
}

}  // namespace

std::string to_string(Cause cause) {
  switch (cause) {
    case Cause::kWeights: return "weights";
    case Cause::kRounding: return "rounding";
    case Cause::kClipping: return "clipping";
  }
  return "";
}

Advice advise(const NetworkStudy& study, const std::vector<LayerInfo>& layers) {
  Advice advice;
  double total = 0;
  std::vector<std::size_t> order;
  for (std::size_t l = 0; l < study.layers.size(); ++l) {
    const LayerStudy& layer = study.layers[l];
    if (!layer.score_noise || !(*layer.score_noise > 0)) continue;
    order.push_back(l);
    total += *layer.score_noise;
    const ErrorParts& parts = *layer.parts;
    const double own = parts.weights + parts.rounding + parts.clipping;
    if (!(own > 0)) continue;
    advice.weights += *layer.score_noise * parts.weights / own;
    advice.rounding += *layer.score_noise * parts.rounding / own;
    advice.clipping += *layer.score_noise * parts.clipping / own;
  }
  if (const double sum = advice.weights + advice.rounding + advice.clipping; sum > 0) {
    advice.weights /= sum;
    advice.rounding /= sum;
    advice.clipping /= sum;
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return *study.layers[a].score_noise > *study.layers[b].score_noise;
  });
  if (order.size() > kMostLayers) order.resize(kMostLayers);
  for (const std::size_t l : order) {
    const LayerStudy& layer = study.layers[l];
    LayerAdvice of;
    of.layer = layer.layer;
    of.noise_share = *layer.score_noise / total;
    if (of.noise_share < kSmallestShare) break;
    of.cause = largest(*layer.parts, of.cause_share);
    if (layer.output) of.used_range = used_range(*layer.output);
    add_trials(of, layer, layers[l]);
    add_range_advice(of);
    if (of.remedies.empty()) {
      of.remedies.push_back({"--effort max",
                             "It has 8 bits, or more bits for it alone help little: let narrow quantize spend more time "
                             "on the choice of its integers and ranges",
                             std::nullopt, 0});
    }
    advice.layers.push_back(std::move(of));
  }
  return advice;
}

}  // namespace narrow::cli
