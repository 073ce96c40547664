#include "pipeline/study_effects.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "floating/float_executor.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::Feed;
using graph::FloatExecutor;
using graph::Graph;
using graph::kNoValue;
using graph::ValueId;

std::size_t best_score(std::span<const float> scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

// What one thread runs.
struct EffectSlot {
  FloatExecutor layer;
  std::optional<FloatExecutor> counterpart;  // where it reads what the layer reads
  std::optional<FloatExecutor> in_reals;
  std::optional<FloatExecutor> rest;
  Effect effect;
};

// Takes the mean of each channel out of a layer's own errors, and out of the part of its weights. Corrected biases
// take the mean error of rounded weights, and those of the layers before as well, which are no errors of this layer.
void take_means(std::vector<std::vector<float>>& own, Effect& total) {
  const std::size_t channels = total.channels.size();
  std::vector<double> means(channels);
  double elements = 0;  // of a channel
  for (const std::vector<float>& errors : own) {
    elements += static_cast<double>(errors.size()) / static_cast<double>(channels);
    for (std::size_t e = 0; e < errors.size(); ++e) means[e % channels] += errors[e];
  }
  for (double& mean : means) mean /= elements;
  for (std::vector<float>& errors : own) {
    for (std::size_t e = 0; e < errors.size(); ++e) errors[e] -= static_cast<float>(means[e % channels]);
  }
  for (const double sum : total.weight_errors) total.weights.noise -= sum * sum / elements;
  total.weights.noise = std::max(total.weights.noise, 0.0);
}

// The reference's elements rounded as the model rounds its value `id`.
std::vector<float> rounded_input(const StudiedNetworks& networks, ValueId id, std::span<const float> reference) {
  std::vector<float> rounded(reference.begin(), reference.end());
  const std::optional<Quantization>& q = networks.graph.value(id).quantization;
  if (!q) return rounded;
  for (std::size_t e = 0; e < rounded.size(); ++e) {
    const double scale = q->scale / networks.factors[id].of(e);
    const double level = std::nearbyint(rounded[e] / scale) + q->zero_point;
    rounded[e] = static_cast<float>((std::clamp<double>(level, q->range.lo, q->range.hi) - q->zero_point) * scale);
  }
  return rounded;
}

Status effect_on(const StudiedNetworks& networks, const StudiedLayer& layer, const ReferenceImage& image,
                 const std::vector<ValueId>& read, const LayerPair* pair, EffectSlot& slot) {
  Effect effect;
  const auto channels = static_cast<std::size_t>(networks.graph.value(layer.value).shape.channels);
  effect.channels.resize(channels);
  std::vector<Feed> feeds;
  std::vector<std::vector<float>> buffers(read.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    const ValueId id = slot.layer.inputs()[i];
    feeds.push_back({id, in_units(networks.factors[id], image.values[static_cast<std::size_t>(read[i])], buffers[i])});
  }
  NARROW_TRY(slot.layer.run(feeds));
  const std::vector<float>& expected = image.values[static_cast<std::size_t>(layer.reference)];
  const std::span<const float> result = slot.layer.value(layer.value);
  std::vector<float> local(result.begin(), result.end());
  for (std::size_t e = 0; e < local.size(); ++e) {
    if (networks.factors[layer.value].is_scaled)
      local[e] = static_cast<float>(local[e] / networks.factors[layer.value].of(e));
    const double error = double{expected[e]} - local[e];
    Power& channel = effect.channels[e % channels];
    channel.signal += double{expected[e]} * expected[e];
    channel.noise += error * error;
  }
  for (const Power& channel : effect.channels) effect.local.add(channel);

  effect.own.resize(local.size());
  for (std::size_t e = 0; e < local.size(); ++e) effect.own[e] = local[e] - expected[e];
  if (slot.counterpart) {
    std::vector<Feed> rounded;
    std::vector<std::vector<float>> elements;
    for (const ValueId id : slot.counterpart->inputs()) {
      const auto i = static_cast<std::size_t>(std::find(read.begin(), read.end(), id) - read.begin());
      elements.push_back(rounded_input(networks, slot.layer.inputs()[i], image.values[static_cast<std::size_t>(id)]));
      rounded.push_back({id, {}});
    }
    for (std::size_t i = 0; i < rounded.size(); ++i) rounded[i].elements = elements[i];
    NARROW_TRY(slot.counterpart->run(rounded));
    const std::span<const float> plain = slot.counterpart->value(layer.reference);
    effect.inputs.add(expected, plain);
    for (std::size_t e = 0; e < local.size(); ++e) effect.own[e] = local[e] - plain[e];
  }
  if (slot.in_reals) {
    std::vector<float> in_reals(expected.size());
    const auto input = static_cast<std::size_t>(pair->counterpart->inputs[0]);
    NARROW_TRY(slot.in_reals->run(image.values[input], in_reals));
    effect.weights.add(expected, in_reals);
    effect.weight_errors.resize(channels);
    for (std::size_t e = 0; e < expected.size(); ++e) {
      effect.weight_errors[e % channels] += double{expected[e]} - in_reals[e];
    }
  }
  effect.rounding.signal = effect.clipping.signal = effect.local.signal;
  if (const std::optional<Quantization>& q = networks.graph.value(layer.value).quantization) {
    for (std::size_t e = 0; e < expected.size(); ++e) {
      const double scale = q->scale / networks.factors[layer.value].of(e);
      const double level = expected[e] / scale + q->zero_point;
      const double within = std::clamp<double>(level, q->range.lo, q->range.hi);
      const double outside = (level - within) * scale;
      const double rounded = (within - std::nearbyint(within)) * scale;
      effect.clipping.noise += outside * outside;
      effect.rounding.noise += rounded * rounded;
    }
  }
  slot.effect = std::move(effect);
  return {};
}

// Runs the rest of the reference with the layer's own error.
Status scores_on(const StudiedNetworks& networks, const StudiedLayer& layer, const ReferenceImage& image,
                 std::span<const float> own, EffectSlot& slot) {
  Effect effect;
  const Clamp& clamp = networks.reference->nodes[static_cast<std::size_t>(layer.counterpart)].clamp;
  std::vector<float> alone = image.values[static_cast<std::size_t>(layer.reference)];
  for (std::size_t e = 0; e < alone.size(); ++e) alone[e] = std::clamp(alone[e] + own[e], clamp.lo, clamp.hi);
  std::vector<float> scores;
  if (slot.rest) {
    std::vector<Feed> rest;
    for (const ValueId id : slot.rest->inputs()) {
      rest.push_back({id, id == layer.reference ? std::span<const float>(alone)
                                                : std::span<const float>(image.values[static_cast<std::size_t>(id)])});
    }
    NARROW_TRY(slot.rest->run(rest));
    const std::span<const float> end = slot.rest->value(networks.reference->output);
    scores.assign(end.begin(), end.end());
  }
  if (layer.reference == networks.reference->output) scores = alone;
  if (scores.size() == image.scores.size()) {
    effect.scores.add(image.scores, scores);
    effect.changed = best_score(scores) != best_score(image.scores) ? 1 : 0;
  }
  slot.effect = std::move(effect);
  return {};
}

}  // namespace

Result<std::optional<Effect>> effect_of(const StudiedNetworks& networks, const StudiedLayer& layer,
                                        const Graph& variant, const LayerPair* pair) {
  graph::ExecutorOptions options;
  options.nodes = {layer.node, layer.node + 1};
  options.keep = {layer.value};
  const auto after = static_cast<std::size_t>(layer.counterpart) + 1;
  std::vector<EffectSlot> slots;
  std::vector<ValueId> read;
  for (int i = 0; i < networks.threads; ++i) {
    NARROW_ASSIGN(FloatExecutor of_layer, FloatExecutor::create(variant, options));
    slots.push_back({std::move(of_layer), std::nullopt, std::nullopt, std::nullopt, {}});
    if (i == 0) {
      for (const ValueId input : slots[0].layer.inputs()) {
        read.push_back(networks.counterparts->of_input(input));
        if (read.back() == kNoValue) return std::optional<Effect>();
      }
    }
    graph::ExecutorOptions alone;
    alone.nodes = {after - 1, after};
    alone.keep = {layer.reference};
    NARROW_ASSIGN(FloatExecutor counterpart, FloatExecutor::create(*networks.reference, alone));
    const std::vector<ValueId>& inputs = counterpart.inputs();
    const bool reads_the_same = std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
      return std::find(read.begin(), read.end(), id) != read.end();
    });
    if (reads_the_same) slots.back().counterpart = std::move(counterpart);
    if (pair != nullptr) {
      NARROW_ASSIGN(const Graph reals, layer_in_reals(*pair));
      NARROW_ASSIGN(slots.back().in_reals, FloatExecutor::create(reals, 1));
    }
    if (after < networks.reference->nodes.size()) {
      graph::ExecutorOptions rest;
      rest.nodes = {after, networks.reference->nodes.size()};
      NARROW_ASSIGN(slots.back().rest, FloatExecutor::create(*networks.reference, rest));
    }
  }
  const auto channels = static_cast<std::size_t>(networks.graph.value(layer.value).shape.channels);
  Effect total;
  total.channels.resize(channels);
  total.weight_errors.resize(channels);
  std::vector<std::vector<float>> own(networks.images.size());
  const Status done = networks.in_order(
      networks.images.size(),
      [&](std::size_t i, std::size_t s) {
        return effect_on(networks, layer, networks.images[i], read, pair, slots[s]);
      },
      [&](std::size_t i, std::size_t s) -> Status {
        Effect& of = slots[s].effect;
        total.local.add(of.local);
        total.weights.add(of.weights);
        total.rounding.add(of.rounding);
        total.clipping.add(of.clipping);
        total.inputs.add(of.inputs);
        for (std::size_t c = 0; c < channels; ++c) total.channels[c].add(of.channels[c]);
        for (std::size_t c = 0; c < of.weight_errors.size(); ++c) total.weight_errors[c] += of.weight_errors[c];
        own[i] = std::move(of.own);
        return {};
      });
  NARROW_TRY(done);
  if (layer.is_corrected) take_means(own, total);
  const Status scored = networks.in_order(
      networks.images.size(),
      [&](std::size_t i, std::size_t s) { return scores_on(networks, layer, networks.images[i], own[i], slots[s]); },
      [&](std::size_t, std::size_t s) -> Status {
        total.scores.add(slots[s].effect.scores);
        total.image_noise.push_back(slots[s].effect.scores.noise);
        total.changed += slots[s].effect.changed;
        return {};
      });
  NARROW_TRY(scored);
  return std::optional<Effect>(std::move(total));
}

}  // namespace v0
}  // namespace narrow
