#include "quantize/trainable_network.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/cancelled.h"
#include "base/try.h"
#include "quantize/activation_quantization.h"
#include "quantize/undecided_layers.h"
#include "quantize/weight_quantization.h"

namespace narrow::graph {
namespace {

// Levels between a weight that starts to be trained and its integer, at most.
constexpr double kPull = 0.3;

}  // namespace

LearnedGrid input_grid(const Quantization& input) {
  return {input.scale, static_cast<float>(input.range.lo - input.zero_point),
          static_cast<float>(input.range.hi - input.zero_point), Clamp{}};
}

TrainableNetwork::TrainableNetwork(const Context& context, const Decisions& decisions)
    : context_(context), layers_(context.graph.nodes.size()), is_shared_(values_with_shared_scales(context)) {
  read_layers(decisions, {0, layers_.size()});
}

std::optional<Quantization> TrainableNetwork::quantization(const Decisions& decisions, ValueId id) const {
  return integer_quantization(context_.graph, decisions, context_.producer, id);
}

void TrainableNetwork::read_layers(const Decisions& decisions, const NodeRange& nodes) {
  for (std::size_t n = nodes.first; n < nodes.last; ++n) {
    const auto& decision = decisions.layers[n];
    if (decision && !decision->is_pre_quantized) read_layer(decisions, n);
  }
}

void TrainableNetwork::read_layer(const Decisions& decisions, std::size_t n) {
  const QuantizedFilter& filter = decisions.layers[n]->filter;
  const double in_scale = quantization(decisions, context_.graph.nodes[n].inputs[0])->scale;
  RealLayer& layer = layers_[n].emplace();
  layer.weights.assign(filter.weights.begin(), filter.weights.end());
  layer.scales.assign(filter.scales.begin(), filter.scales.end());
  for (std::size_t c = 0; c < filter.bias.size(); ++c) {
    layer.biases.push_back(filter.bias[c] * in_scale * double{filter.scales[c]});
  }
}

bool TrainableNetwork::is_trainable(const Decisions& decisions, const Block& block) const {
  if (!PartGradient::is_possible(context_.graph, block.nodes)) return false;
  bool has_layer = false;
  for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
    if (!context_.live.nodes[n]) continue;
    const Node& node = context_.graph.nodes[n];
    const NodeRepresentations& representations = context_.representations.nodes[n];
    if (representations.in_float || !representations.integers.empty() || !representations.from_float.empty())
      return false;
    if (context_.graph.value(node.output).quantization) return false;
    if (decisions.values[index(node.output)] && is_lossless(node.op)) return false;
    if (filter_of(node) == nullptr) continue;
    if (!layers_[n]) return false;
    has_layer = true;
  }
  return has_layer;
}

PartSetting TrainableNetwork::setting(const Decisions& decisions, const Block& block) const {
  PartSetting setting{.nodes = block.nodes, .input = block.input, .output = block.output, .weights = {}, .grids = {}};
  for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
    const Node& node = context_.graph.nodes[n];
    auto& range = setting.weights.emplace_back();
    if (decisions.layers[n]) range = decisions.layers[n]->filter.range;
    auto& grid = setting.grids.emplace_back();
    if (const auto& decided = decisions.values[index(node.output)]) {
      const auto zero = static_cast<float>(decided->quantization.zero_point);
      const auto top = static_cast<float>(QRange::activations(decided->bits).hi);
      grid = LearnedGrid{decided->quantization.scale, -zero, top - zero, node.clamp};
    }
  }
  setting.images = images_per_run(context_.graph, block);
  setting.slots = std::max(context_.options.threads, 1);
  setting.cancellation = context_.options.cancellation;
  return setting;
}

// Latent weights start at the float ones, or as close to those as the decided integers allow.
void TrainableNetwork::start(const Decisions& decisions, const Block& block, const PartGradient& part,
                             RatesByBits rates, PartTraining& training) const {
  const std::size_t count = part.parameter_count();
  training.parameters.assign(count, 0.0F);
  training.rates.assign(count, 0.0F);
  training.least.assign(count, -std::numeric_limits<float>::infinity());
  for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
    const ParameterPlace& place = part.places()[n - block.nodes.first];
    const Node& node = context_.graph.nodes[n];
    if (place.channels > 0) {
      start_layer(n, place, rates(bits_for(decisions.layers[n]->filter.range)), training);
    }
    if (place.step) {
      const ValueDecision& decided = *decisions.values[index(node.output)];
      const float step = decided.quantization.scale;
      training.parameters[*place.step] = step;
      training.least[*place.step] = step / 16;
      if (is_shared_[index(node.output)]) continue;
      training.rates[*place.step] = static_cast<float>(rates(decided.bits).steps * double{step});
    }
  }
}

void TrainableNetwork::start_layer(std::size_t n, const ParameterPlace& place, const TrainingRates& rates,
                                   PartTraining& training) const {
  const Node& node = context_.graph.nodes[n];
  const RealLayer& layer = *layers_[n];
  const std::size_t depth = place.weight_count / place.channels;
  const Observation& seen = *context_.observations[index(node.output)];
  for (std::size_t c = 0; c < place.channels; ++c) {
    const double scale = layer.scales[c];
    for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
      const double steps = double{filter_of(node)->weights[i]} / scale;
      const double latent = std::clamp(steps, layer.weights[i] - kPull, layer.weights[i] + kPull);
      training.parameters[place.weights + i] = static_cast<float>(latent);
      training.rates[place.weights + i] = static_cast<float>(rates.weights);
    }
    training.parameters[place.scales + c] = static_cast<float>(scale);
    training.least[place.scales + c] = static_cast<float>(scale / 16);
    if (!context_.options.per_tensor_weights)
      training.rates[place.scales + c] = static_cast<float>(rates.scales * scale);
    training.parameters[place.bias + c] = static_cast<float>(layer.biases[c]);
    training.rates[place.bias + c] = static_cast<float>(rates.biases * (double{seen.max} - double{seen.min}) / 8);
  }
}

Result<TrainableNetwork::Trained> TrainableNetwork::finish(const Decisions& decisions, const Block& part,
                                                           const PartGradient& gradient,
                                                           const PartTraining& training) const {
  Trained trained{decisions, layers_};
  take_steps(part, gradient, training, trained.decisions);
  take_layers(decisions, part, gradient, training, trained.layers);
  NARROW_TRY(assemble(decisions, part, trained.layers, trained.decisions));
  return trained;
}

void TrainableNetwork::take_steps(const Block& block, const PartGradient& part, const PartTraining& training,
                                  Decisions& changed) const {
  for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
    const ParameterPlace& place = part.places()[n - block.nodes.first];
    const Node& node = context_.graph.nodes[n];
    if (!place.step || is_shared_[index(node.output)]) continue;
    ValueDecision& decision = *changed.values[index(node.output)];
    Quantization learned = decision.quantization;
    learned.scale = training.parameters[*place.step];
    learned.range = QRange::activations(decision.bits);
    if (const auto q = limited_to(learned, node.clamp)) decision.quantization = *q;
  }
}

void TrainableNetwork::take_layers(const Decisions& decisions, const Block& block, const PartGradient& part,
                                   const PartTraining& training, RealLayers& layers) const {
  for (std::size_t n = block.nodes.first; n < block.nodes.last; ++n) {
    const ParameterPlace& place = part.places()[n - block.nodes.first];
    if (place.channels == 0) continue;
    RealLayer& layer = *layers[n];
    const QRange range = decisions.layers[n]->filter.range;
    const std::size_t depth = place.weight_count / place.channels;
    for (std::size_t c = 0; c < place.channels; ++c) {
      const float scale = training.parameters[place.scales + c];
      for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
        const float steps = training.parameters[place.weights + i];
        const float level = std::clamp(steps, static_cast<float>(range.lo), static_cast<float>(range.hi));
        layer.weights[i] = static_cast<std::int8_t>(std::nearbyint(level));
      }
      layer.scales[c] = double{scale};
      layer.biases[c] = double{training.parameters[place.bias + c]};
    }
  }
}

// The integers of the block's layers, and of layers behind it whose input has another scale now.
Status TrainableNetwork::assemble(const Decisions& before, const Block& block, const RealLayers& layers,
                                  Decisions& changed) const {
  for (std::size_t n = block.nodes.first; n < layers.size(); ++n) {
    if (!layers[n]) continue;
    NARROW_TRY(base::check_cancelled(context_.options.cancellation));
    const ValueId input = context_.graph.nodes[n].inputs[0];
    if (n >= block.nodes.last && quantization(changed, input) == quantization(before, input)) continue;
    FilterSetting setting = filter_setting(context_, changed, n);
    setting.lanes = {};  // the integers are chosen, and belong to their scales
    NARROW_ASSIGN(const FilterLimits limits, filter_limits(*filter_of(context_.graph.nodes[n]), setting));
    std::vector<double> scales = layers[n]->scales;
    for (std::size_t c = 0; c < scales.size(); ++c) scales[c] = std::max(scales[c], limits.least_scales[c]);
    if (setting.per_tensor) {
      std::fill(scales.begin(), scales.end(), *std::max_element(scales.begin(), scales.end()));
    }
    std::vector<std::int8_t> weights = layers[n]->weights;
    for (std::int8_t& w : weights) {
      w = static_cast<std::int8_t>(std::clamp<std::int32_t>(w, limits.range.lo, limits.range.hi));
    }
    NARROW_ASSIGN(changed.layers[n]->filter,
                  assemble_filter(setting, limits, std::move(weights), scales, layers[n]->biases));
  }
  return {};
}

}  // namespace narrow::graph
