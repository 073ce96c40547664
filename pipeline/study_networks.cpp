#include "pipeline/study_networks.h"

#include <utility>

#include "engine/model/layer_info.h"
#include "engine/model/model_data.h"
#include "floating/float_executor.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::FloatExecutor;
using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;
using graph::ValueMap;

}  // namespace

StudiedNetworks::StudiedNetworks(const Model& of, const Graph* against, const CalibrationInputs& images_of,
                                 const StudyOptions& with, NetworkStudy& study)
    : model(of),
      graph(of.data().graph),
      reference(against),
      inputs(images_of),
      options(with),
      threads(static_cast<int>(
          std::min<std::size_t>(static_cast<std::size_t>(std::max(with.threads, 1)), images_of.count))),
      input_elems(static_cast<std::size_t>(graph.value(graph.input).shape.elems())),
      factors(graph.values.size()) {
  if (reference != nullptr) counterparts.emplace(*reference, graph);
  const ValueMap<int> writers = graph::producers(graph);
  ValueMap<int> reference_writers;
  if (reference != nullptr) reference_writers = graph::producers(*reference);
  layer_of = std::vector<int>(graph.values.size(), -1);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    StudiedLayer layer{.node = n, .computes = engine::describe_layer(graph, node).computes, .value = node.output};
    LayerStudy found;
    found.layer = node.name;
    found.op = graph::op_name(node.op);
    for (const ValueId input : node.inputs) {
      const int writer = writers[input];
      found.inputs.push_back(writer < 0 ? std::string() : graph.nodes[static_cast<std::size_t>(writer)].name);
    }
    if (reference != nullptr && layer.computes) {
      layer.reference = counterparts->of(node.output);
      if (layer.reference == kNoValue) {
        study.unmatched.push_back(node.name);
      } else {
        layer.counterpart = reference_writers[layer.reference];
      }
    }
    layer_of[static_cast<std::size_t>(node.output)] = static_cast<int>(layers.size());
    layers.push_back(layer);
    study.layers.push_back(std::move(found));
  }
}

Status StudiedNetworks::keep_reference(NetworkStudy& study) {
  factors = find_channel_factors(*reference, graph);
  for (std::size_t l = 0; l < layers.size(); ++l) study.layers[l].is_equalized = factors[layers[l].value].is_scaled;
  std::size_t bytes = 0;
  graph::ExecutorOptions kept;
  const ValueMap<int> writers = graph::producers(*reference);
  for (std::size_t id = 0; id < reference->values.size(); ++id) {
    const auto value = static_cast<ValueId>(id);
    if (writers[value] < 0 && value != reference->input) continue;
    kept.keep.push_back(value);
    bytes += sizeof(float) * static_cast<std::size_t>(reference->value(value).shape.elems());
  }
  const double by_memory =
      static_cast<double>(options.memory_bytes) / static_cast<double>(std::max<std::size_t>(bytes, 1));
  const auto compared =
      std::count_if(layers.begin(), layers.end(), [](const StudiedLayer& layer) { return layer.counterpart >= 0; });
  const double of_image = graph::operations(*reference) * static_cast<double>(compared) / 2;
  constexpr double kFewest = 4;
  const double count = std::clamp(std::min(by_memory, options.effect_operations / std::max(of_image, 1.0)), kFewest,
                                  std::max(kFewest, static_cast<double>(options.effect_images)));
  study.effect_images = std::min(static_cast<std::size_t>(count), inputs.count);

  struct Slot {
    FloatExecutor plain;
    FloatExecutor integers;
    std::vector<float> scores;
  };
  std::vector<Slot> slots;
  const auto classes = static_cast<std::size_t>(reference->value(reference->output).shape.elems());
  for (int i = 0; i < threads; ++i) {
    NARROW_ASSIGN(FloatExecutor plain, FloatExecutor::create(*reference, kept));
    NARROW_ASSIGN(FloatExecutor integers, FloatExecutor::create(graph, 1));
    slots.push_back({std::move(plain), std::move(integers), std::vector<float>(classes)});
  }
  images.resize(study.effect_images);
  Power scores;
  const Status done = in_order(
      study.effect_images,
      [&](std::size_t i, std::size_t s) -> Status {
        Slot& slot = slots[s];
        std::vector<float> input(input_elems);
        NARROW_TRY(inputs.fill(i * inputs.count / study.effect_images, input));
        ReferenceImage& image = images[i];
        image.scores.resize(classes);
        NARROW_TRY(slot.plain.run(input, image.scores));
        image.values.resize(reference->values.size());
        for (const ValueId id : kept.keep) {
          const std::span<const float> elements = slot.plain.value(id);
          image.values[static_cast<std::size_t>(id)].assign(elements.begin(), elements.end());
        }
        return slot.integers.run(input, slot.scores);
      },
      [&](std::size_t i, std::size_t s) -> Status {
        scores.add(images[i].scores, slots[s].scores);
        return {};
      });
  NARROW_TRY(done);
  NARROW_TRY(fit_channel_factors(
      graph, *counterparts,
      [this](std::size_t i, ValueId id) -> std::span<const float> {
        return images[i].values[static_cast<std::size_t>(id)];
      },
      images.size(), factors));
  study.score_noise = relative_noise(scores);
  return {};
}

std::optional<LayerPair> StudiedNetworks::pair_of(const StudiedLayer& layer) const {
  if (reference == nullptr || layer.reference == kNoValue || layer.counterpart < 0) return std::nullopt;
  const Node& node = graph.nodes[layer.node];
  const Node& counterpart = reference->nodes[static_cast<std::size_t>(layer.counterpart)];
  if (!have_weights_alike(node, counterpart)) return std::nullopt;
  return LayerPair{&graph, &node, reference, &counterpart, &factors[node.inputs[0]], &factors[layer.value]};
}

}  // namespace v0
}  // namespace narrow
