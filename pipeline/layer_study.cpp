// narrow::study_network: counts, errors and their effects of each layer of an integer network.
#include "narrow/layer_study.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/try.h"
#include "engine/model/model_data.h"
#include "pipeline/any_model.h"
#include "pipeline/prepared_reference.h"
#include "pipeline/study_changes.h"
#include "pipeline/study_effects.h"
#include "pipeline/study_networks.h"
#include "pipeline/study_tensors.h"
#include "pipeline/study_weights.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::Graph;
using graph::kNoValue;
using graph::Node;

constexpr std::size_t kWorstChannels = 5;

void find_worst_channels(LayerStudy& of, const StudiedNetworks& networks, const StudiedLayer& layer,
                         const Effect& effect) {
  std::vector<std::size_t> order(effect.channels.size());
  for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return effect.channels[a].noise > effect.channels[b].noise; });
  if (order.size() > kWorstChannels) order.resize(kWorstChannels);
  const graph::Filter* filter = graph::filter_of(networks.graph.nodes[layer.node]);
  for (const std::size_t c : order) {
    if (!(effect.channels[c].noise > 0)) break;
    ChannelError channel{.channel = static_cast<std::int64_t>(c),
                         .sqnr_db = effect.channels[c].decibels(),
                         .noise_share = effect.channels[c].noise / effect.local.noise};
    if (filter != nullptr && filter->quantized && c < filter->quantized->scales.size()) {
      channel.weight_scale = filter->quantized->scales[c];
    }
    channel.min = std::numeric_limits<double>::infinity();
    channel.max = -channel.min;
    for (const ReferenceImage& image : networks.images) {
      const std::vector<float>& elements = image.values[static_cast<std::size_t>(layer.reference)];
      for (std::size_t e = c; e < elements.size(); e += effect.channels.size()) {
        channel.min = std::min(channel.min, double{elements[e]});
        channel.max = std::max(channel.max, double{elements[e]});
      }
    }
    of.worst_channels.push_back(channel);
  }
}

Status study_layer(StudiedNetworks& networks, std::size_t l, NetworkStudy& study) {
  StudiedLayer& layer = networks.layers[l];
  LayerStudy& of = study.layers[l];
  const Node& node = networks.graph.nodes[layer.node];
  const std::optional<LayerPair> pair = networks.pair_of(layer);
  layer.is_corrected = pair && has_corrected_bias(*pair);
  if (const graph::Filter* filter = graph::filter_of(node); filter != nullptr && filter->quantized) {
    of.weights = study_weights(*filter->quantized, pair ? reference_weights(*pair) : std::vector<float>());
    const std::optional<Quantization>& input = networks.graph.value(node.inputs[0]).quantization;
    if (input) of.headroom_bits = headroom_bits(*filter->quantized, *input);
  }
  if (layer.reference != kNoValue && layer.counterpart >= 0) {
    NARROW_ASSIGN(const std::optional<Effect> effect,
                  effect_of(networks, layer, networks.graph, pair ? &*pair : nullptr));
    if (effect) {
      of.local_db = effect->local.decibels();
      of.score_noise = relative_noise(effect->scores);
      of.changed_answers = effect->changed;
      layer.image_noise = effect->image_noise;
      const ErrorParts parts{.weights = relative_noise(effect->weights),
                             .rounding = relative_noise(effect->rounding),
                             .clipping = relative_noise(effect->clipping),
                             .inputs = relative_noise(effect->inputs)};
      of.parts = parts;
      find_worst_channels(of, networks, layer, *effect);
    }
  }
  networks.progress(0.3 + 0.5 * static_cast<double>(l + 1) / static_cast<double>(networks.layers.size()));
  return {};
}

Result<NetworkStudy> study_beside(const Model& model, const Graph* reference, const CalibrationInputs& inputs,
                                  const StudyOptions& options) {
  NetworkStudy study;
  StudiedNetworks networks(model, reference, inputs, options, study);
  if (reference != nullptr) NARROW_TRY(networks.keep_reference(study));
  NARROW_TRY(count_tensors(networks, study));
  for (std::size_t l = 0; l < networks.layers.size(); ++l) NARROW_TRY(study_layer(networks, l, study));
  if (reference != nullptr) NARROW_TRY(try_changes(networks, study));
  return study;
}

}  // namespace

Result<NetworkStudy> study_network(const Model& model, const AnyModel* reference, const CalibrationInputs& inputs,
                                   const StudyOptions& options) {
  return base::guarded([&]() -> Result<NetworkStudy> {
    const base::DefaultFloatEnvironment environment;
    const Graph& graph = model.data().graph;
    const Graph* other = reference == nullptr ? nullptr : &graph_of(*reference);
    if (inputs.count == 0) return Error{ErrorCode::kInvalidArgument, "there are no images to study", ""};
    if (other != nullptr) {
      if (graph.value(graph.input).shape != other->value(other->input).shape) {
        return Error{ErrorCode::kInvalidArgument, "the two networks take inputs of different shapes", ""};
      }
      if (graph.value(graph.output).shape.elems() != other->value(other->output).shape.elems()) {
        return Error{ErrorCode::kInvalidArgument, "the two networks have different numbers of classes", ""};
      }
    }
    std::optional<PreparedReference> prepared;
    if (other != nullptr) {
      NARROW_ASSIGN(prepared, prepare_reference(*other, graph, inputs));
    }
    NARROW_ASSIGN(NetworkStudy study, study_beside(model, prepared ? &prepared->graph : other, inputs, options));
    study.mixed_tensors = prepared ? prepared->mixed_sets : 0;
    return study;
  });
}

}  // namespace v0
}  // namespace narrow
