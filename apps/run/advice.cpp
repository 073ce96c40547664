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

CauseShares normalized(const CauseShares& shares) {
  const double sum = shares.weights + shares.rounding + shares.clipping;
  if (!(sum > 0)) return {};
  return {shares.weights / sum, shares.rounding / sum, shares.clipping / sum};
}

// Of the noise in the scores, where more bits were tried: what they remove. What could not be given more bits, and
// clipping, which more bits leave as it is, have at most the rest. Else, or where more bits do not explain the noise,
// of the error of the layer's output; the rounding of its inputs is the error of the layers before.
CauseShares shares_of(const LayerStudy& layer, bool& is_measured) {
  constexpr double kExplained = 0.2;  // of the noise; trials that remove less say nothing about causes
  const CauseShares own = normalized({layer.parts->weights, layer.parts->rounding, layer.parts->clipping});
  const auto removed = [&](const Trial* trial) {
    return trial == nullptr ? 0.0 : std::clamp(1 - trial->score_noise / *layer.score_noise, 0.0, 1.0);
  };
  const Trial* weights = trial_with_most_bits(layer, TrialOf::kWeights);
  const Trial* output = trial_with_most_bits(layer, TrialOf::kActivations);
  const CauseShares tried{removed(weights), removed(output), 0};
  is_measured = tried.weights + tried.rounding >= kExplained;
  if (!is_measured) return own;
  const CauseShares others{weights == nullptr ? own.weights : 0, output == nullptr ? own.rounding : 0, own.clipping};
  const double of_others = others.weights + others.rounding + others.clipping;
  const double rest = std::clamp(1 - tried.weights - tried.rounding, 0.0, of_others);
  const double part = of_others > 0 ? rest / of_others : 0;
  return normalized(
      {tried.weights + part * others.weights, tried.rounding + part * others.rounding, part * others.clipping});
}

Cause largest(const CauseShares& shares, double& share) {
  const std::array<std::pair<double, Cause>, 3> all{
      {{shares.weights, Cause::kWeights}, {shares.rounding, Cause::kRounding}, {shares.clipping, Cause::kClipping}}};
  const auto most =
      std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  share = most->first;
  return most->second;
}

bool is_of_range(const Trial& trial) { return trial.of == TrialOf::kRange; }

// Half of the width of the 95 % interval of a trial's noise.
double margin_of(const Trial& trial, const LayerStudy& layer) {
  return trial.left ? trial.left->high * *layer.score_noise - trial.score_noise : 0.0;
}

// Whether the images agree that less noise is left.
bool is_clear(const Trial& trial) { return !trial.left || trial.left->high < 1; }

Interval around(double share, double margin) { return {std::max(share - margin, 0.0), share + margin}; }

void add_ranges(BetterRanges& ranges, double& squares, const LayerAdvice& advice, const LayerStudy& layer,
                double total) {
  if (std::any_of(layer.trials.begin(), layer.trials.end(), is_of_range)) ++ranges.tried;
  for (const Remedy& remedy : advice.remedies) {
    if (!remedy.trial || !is_of_range(*remedy.trial)) continue;
    ++ranges.helped;
    const double removed = (*layer.score_noise - remedy.trial->score_noise) / total;
    ranges.noise_removed += removed;
    if (remedy.trial->range_factor < 1) ranges.by_narrower += removed;
    squares += std::pow(margin_of(*remedy.trial, layer) / total, 2);
  }
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
      // No option sets the range of one layer, so there is nothing that could be added to others.
      remedy.text = trial.range_factor < 1
                        ? "Calibration: a narrower range leaves less; --observer percentile makes those of all layers "
                          "narrower"
                        : "Calibration: a wider range leaves less; --observer minmax makes those of all layers wider";
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
      if (trial.of != kind || trial.score_noise > kWorthIt * *study.score_noise || !is_clear(trial)) continue;
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
  double squares = 0;
  for (const std::size_t l : worst) {
    const LayerStudy& layer = study.layers[l];
    six.layers.push_back(layer.layer);
    double gained = 0;
    for (const Trial& trial : layer.trials) {
      const double gain = *layer.score_noise - trial.score_noise;
      if (trial.of == TrialOf::kRange || trial.bits != kBits || !(gain > 0)) continue;
      six.changes.emplace_back(layer.layer, trial);
      gained += gain;
      squares += std::pow(margin_of(trial, layer), 2);
      if (trial.of != TrialOf::kWeights) continue;
      six.more_bytes +=
          static_cast<std::int64_t>(trial.weight_bytes) - static_cast<std::int64_t>(layers[l].weight_bytes);
    }
    left -= std::min(gained, *layer.score_noise);
  }
  if (total > 0) six.noise_left = left / total;
  if (total > 0) six.left = around(six.noise_left, std::sqrt(squares) / total);
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

const Trial* trial_with_most_bits(const LayerStudy& layer, TrialOf of) {
  const Trial* most = nullptr;
  for (const Trial& trial : layer.trials) {
    if (trial.of == of && (most == nullptr || trial.bits > most->bits)) most = &trial;
  }
  return most;
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
    bool is_measured = false;
    const CauseShares shares = shares_of(layer, is_measured);
    advice.shares.weights += *layer.score_noise * shares.weights;
    advice.shares.rounding += *layer.score_noise * shares.rounding;
    advice.shares.clipping += *layer.score_noise * shares.clipping;
    if (is_measured) advice.measured_share += *layer.score_noise;
  }
  advice.shares = normalized(advice.shares);
  if (total > 0) advice.measured_share /= total;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return *study.layers[a].score_noise > *study.layers[b].score_noise;
  });
  constexpr std::size_t kWorst = 3;
  advice.six_bits = six_bits_for({order.begin(), order.begin() + static_cast<long>(std::min(order.size(), kWorst))},
                                 total, study, layers);
  // Training is for fewer bits.
  const bool has_fewer_bits = std::any_of(layers.begin(), layers.end(), [](const LayerInfo& layer) {
    return (layer.weight_bits > 0 && layer.weight_bits < kMaxBits) ||
           (layer.activation_bits > 0 && layer.activation_bits < kMaxBits);
  });
  double range_squares = 0;
  if (order.size() > kMostLayers) order.resize(kMostLayers);
  for (const std::size_t l : order) {
    const LayerStudy& layer = study.layers[l];
    LayerAdvice of;
    of.layer = layer.layer;
    of.noise_share = *layer.score_noise / total;
    if (of.noise_share < kSmallestShare) break;
    of.shares = shares_of(layer, of.is_measured);
    of.cause = largest(of.shares, of.cause_share);
    add_trials(of, layer, layers[l]);
    add_ranges(advice.ranges, range_squares, of, layer, total);
    if (of.remedies.empty() && layer.trials.empty()) {
      of.remedies.push_back({"--first-last float",
                             "Its weights have 8 bits already; the first and the last layer can stay in float",
                             std::nullopt, 0});
    } else if (of.remedies.empty() && of.cause != Cause::kWeights && layers[l].activation_bits >= kMaxBits) {
      of.remedies.push_back(
          {"", "Nothing for it alone: its output has 8 bits, the most that there are", std::nullopt, 0});
    } else if (of.remedies.empty() && !has_fewer_bits) {
      of.remedies.push_back(
          {"", "Nothing for it alone: everything has 8 bits, the most that there are", std::nullopt, 0});
    } else if (of.remedies.empty()) {
      of.remedies.push_back(
          {"--effort max",
           "Neither more bits nor another range for it alone help: let narrow quantize spend more time "
           "on the choice of its integers",
           std::nullopt, 0});
    }
    advice.layers.push_back(std::move(of));
  }
  advice.ranges.removed = around(advice.ranges.noise_removed, std::sqrt(range_squares));
  return advice;
}

}  // namespace narrow::cli
