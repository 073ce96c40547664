#include "apps/run/advice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace narrow::cli {

namespace {

constexpr std::size_t kMostLayers = 8;
constexpr double kSmallestShare = 0.01;  // of the effects; less is not worth advice
constexpr double kSmallPart = 0.25;      // of a layer's noise: a remedy that leaves so much is enough

// Of the layer's own error: the rounding of its inputs is the error of the layers before.
Cause largest(const ErrorParts& parts, double& share) {
  const std::array<std::pair<double, Cause>, 3> all{
      {{parts.weights, Cause::kWeights}, {parts.rounding, Cause::kRounding}, {parts.clipping, Cause::kClipping}}};
  const auto most =
      std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const double sum = parts.weights + parts.rounding + parts.clipping;
  share = sum > 0 ? most->first / sum : 0;
  return most->second;
}

Remedy of_trial(const Trial& trial, const LayerInfo& info) {
  Remedy remedy;
  const std::string bits = info.name + "=" + std::to_string(trial.bits);
  switch (trial.of) {
    case TrialOf::kWeights:
      remedy.option = "--layer-weights " + bits;
      remedy.text = "More bits for its weights";
      break;
    case TrialOf::kActivations:
      remedy.option = "--layer-activations " + bits;
      remedy.text = "More bits for its output";
      break;
    case TrialOf::kRange:
      remedy.option = trial.range_factor < 1 ? "--observer percentile" : "--observer minmax";
      remedy.text = trial.range_factor < 1
                        ? "Calibration: its range is too wide for these images; leave rare large values out"
                        : "Calibration: its range is too narrow for these images; use more of them, or the extremes";
      break;
  }
  remedy.trial = trial;
  remedy.more_bytes = static_cast<std::int64_t>(trial.weight_bytes) - static_cast<std::int64_t>(info.weight_bytes);
  return remedy;
}

// Of each kind the smallest change that leaves little of the effect, or else the one that leaves the least.
void add_trials(LayerAdvice& advice, const LayerStudy& study, const LayerInfo& info) {
  constexpr double kWorthIt = 0.9;
  for (const TrialOf kind : {TrialOf::kWeights, TrialOf::kActivations, TrialOf::kRange}) {
    const Trial* chosen = nullptr;
    for (const Trial& trial : study.trials) {
      if (trial.of != kind || trial.score_noise > kWorthIt * *study.score_noise) continue;
      const bool is_enough = chosen != nullptr && chosen->score_noise <= kSmallPart * *study.score_noise;
      if (!is_enough && (chosen == nullptr || trial.score_noise < chosen->score_noise)) chosen = &trial;
    }
    if (chosen != nullptr) advice.remedies.push_back(of_trial(*chosen, info));
  }
  std::stable_sort(advice.remedies.begin(), advice.remedies.end(),
                   [](const Remedy& a, const Remedy& b) { return a.trial->score_noise < b.trial->score_noise; });
}

SixBits six_bits_for(const std::vector<std::size_t>& worst, double total, const NetworkStudy& study,
                     const std::vector<LayerInfo>& layers) {
  constexpr int kBits = 6;
  SixBits six;
  double left = total;
  for (const std::size_t l : worst) {
    const LayerStudy& layer = study.layers[l];
    six.layers.push_back(layer.layer);
    double gained = 0;
    for (const Trial& trial : layer.trials) {
      const double gain = *layer.score_noise - trial.score_noise;
      if (trial.of == TrialOf::kRange || trial.bits != kBits || !(gain > 0)) continue;
      six.changes.emplace_back(layer.layer, trial);
      gained += gain;
      if (trial.of != TrialOf::kWeights) continue;
      six.more_bytes +=
          static_cast<std::int64_t>(trial.weight_bytes) - static_cast<std::int64_t>(layers[l].weight_bytes);
    }
    left -= std::min(gained, *layer.score_noise);
  }
  if (total > 0) six.noise_left = left / total;
  return six;
}

}  // namespace

std::string to_string(Cause cause) {
  switch (cause) {
    case Cause::kWeights:
      return "weights";
    case Cause::kRounding:
      return "rounding";
    case Cause::kClipping:
      return "clipping";
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
  constexpr std::size_t kWorst = 3;
  advice.six_bits = six_bits_for({order.begin(), order.begin() + static_cast<long>(std::min(order.size(), kWorst))},
                                 total, study, layers);
  if (order.size() > kMostLayers) order.resize(kMostLayers);
  for (const std::size_t l : order) {
    const LayerStudy& layer = study.layers[l];
    LayerAdvice of;
    of.layer = layer.layer;
    of.noise_share = *layer.score_noise / total;
    if (of.noise_share < kSmallestShare) break;
    of.cause = largest(*layer.parts, of.cause_share);
    add_trials(of, layer, layers[l]);
    if (of.remedies.empty() && layer.trials.empty()) {
      of.remedies.push_back({"--first-last float",
                             "Its weights have 8 bits already; the first and the last layer can stay in float",
                             std::nullopt, 0});
    } else if (of.remedies.empty() && of.cause != Cause::kWeights && layers[l].activation_bits >= kMaxBits) {
      of.remedies.push_back(
          {"", "Nothing for it alone: its output has 8 bits, the most that there are", std::nullopt, 0});
    } else if (of.remedies.empty()) {
      of.remedies.push_back(
          {"--effort max",
           "Neither more bits nor another range for it alone help: let narrow quantize spend more time "
           "on the choice of its integers",
           std::nullopt, 0});
    }
    advice.layers.push_back(std::move(of));
  }
  return advice;
}

}  // namespace narrow::cli
