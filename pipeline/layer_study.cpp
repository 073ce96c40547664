// narrow::study_network: counts, errors and their effects of each layer of an integer network.
#include "narrow/layer_study.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/parallel.h"
#include "base/try.h"
#include "engine/model/layer_info.h"
#include "engine/model/model_data.h"
#include "floating/float_executor.h"
#include "graph/bit_packing.h"
#include "narrow/inspect.h"
#include "narrow/session.h"
#include "pipeline/any_model.h"
#include "pipeline/channel_factors.h"
#include "pipeline/counterparts.h"
#include "pipeline/power.h"
#include "pipeline/prepared_reference.h"
#include "pipeline/study_weights.h"

namespace narrow {
namespace {

using graph::Feed;
using graph::FloatExecutor;
using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;
using graph::ValueMap;

constexpr std::size_t kWorstChannels = 5;

std::size_t best_score(std::span<const float> scores) {
  return static_cast<std::size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
}

double relative_noise(const Power& power) { return power.signal > 0 ? power.noise / power.signal : 0.0; }

// A layer of the model, and what stands in its place in the reference.
struct StudiedLayer {
  std::size_t node = 0;
  bool computes = true;
  ValueId value = kNoValue;      // of the model
  ValueId reference = kNoValue;  // its counterpart
  int counterpart = -1;          // the reference's node that writes it
  bool is_corrected = false;     // its biases are
};

// What one image adds to the counts of a tensor.
struct TensorCounts {
  BinnedCounts integers;
  BinnedCounts reals;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  std::uint64_t elements = 0;
  std::uint64_t below = 0;
  std::uint64_t above = 0;
};

void add_counts(BinnedCounts& sum, const BinnedCounts& more) {
  for (std::size_t i = 0; i < sum.counts.size(); ++i) sum.counts[i] += more.counts[i];
}

// The reference's tensors of one of the effect images.
struct ReferenceImage {
  std::vector<std::vector<float>> values;  // by value; empty where nothing reads them
  std::vector<float> scores;
};

// The effect of one variant of a layer, over the effect images.
struct Effect {
  Power local;
  Power scores;
  std::size_t changed = 0;
  std::vector<Power> channels;
  Power weights;
  Power rounding;
  Power clipping;
  Power inputs;
  // Sums over the elements of each channel of the weights' error, of which a corrected bias takes the mean.
  std::vector<double> weight_errors;
  std::vector<float> own;  // the layer's own error, in the reference's units
};

class NetworkStudier {
 public:
  NetworkStudier(const Model& model, const Graph* reference, const CalibrationInputs& inputs,
                 const StudyOptions& options)
      : model_(model),
        graph_(model.data().graph),
        reference_(reference),
        inputs_(inputs),
        options_(options),
        threads_(static_cast<int>(
            std::min<std::size_t>(static_cast<std::size_t>(std::max(options.threads, 1)), inputs.count))),
        input_elems_(static_cast<std::size_t>(graph_.value(graph_.input).shape.elems())),
        factors_(graph_.values.size()) {
    if (reference_ != nullptr) counterparts_.emplace(*reference_, graph_);
  }

  Result<NetworkStudy> run() {
    find_layers();
    if (reference_ != nullptr) {
      factors_ = find_channel_factors(*reference_, graph_);
      for (std::size_t l = 0; l < layers_.size(); ++l) {
        study_.layers[l].is_equalized = factors_[layers_[l].value].is_scaled;
      }
      NARROW_TRY(keep_effect_images());
    }
    NARROW_TRY(count_tensors());
    for (std::size_t l = 0; l < layers_.size(); ++l) NARROW_TRY(study_layer(l));
    if (reference_ != nullptr) NARROW_TRY(try_changes());
    return std::move(study_);
  }

 private:
  void find_layers() {
    const ValueMap<int> writers = graph::producers(graph_);
    ValueMap<int> reference_writers;
    if (reference_ != nullptr) reference_writers = graph::producers(*reference_);
    layer_of_ = std::vector<int>(graph_.values.size(), -1);
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      StudiedLayer layer{.node = n, .computes = engine::describe_layer(graph_, node).computes, .value = node.output};
      LayerStudy of;
      of.layer = node.name;
      of.op = graph::op_name(node.op);
      for (const ValueId input : node.inputs) {
        const int writer = writers[input];
        of.inputs.push_back(writer < 0 ? std::string() : graph_.nodes[static_cast<std::size_t>(writer)].name);
      }
      if (reference_ != nullptr && layer.computes) {
        layer.reference = counterparts_->of(node.output);
        if (layer.reference == kNoValue) {
          study_.unmatched.push_back(node.name);
        } else {
          layer.counterpart = reference_writers[layer.reference];
        }
      }
      layer_of_[static_cast<std::size_t>(node.output)] = static_cast<int>(layers_.size());
      layers_.push_back(layer);
      study_.layers.push_back(std::move(of));
    }
  }

  void progress(double done) const {
    if (options_.progress) options_.progress(done);
  }

  // Calls work(i, slot) for all images i of `count`, as many at a time as there are threads, and after each such group
  // merge(i) in the order of images, so that sums do not depend on the number of threads.
  template <class Work, class Merge>
  Status in_order(std::size_t count, const Work& work, const Merge& merge) {
    const auto group = static_cast<std::size_t>(threads_);
    for (std::size_t first = 0; first < count; first += group) {
      const std::size_t size = std::min(group, count - first);
      std::vector<Status> statuses(size);
      base::parallel_for(size, static_cast<int>(size), [&](std::size_t i, int) {
        const base::DefaultFloatEnvironment environment;
        statuses[i] = work(first + i, i);
      });
      for (Status& status : statuses) NARROW_TRY(std::move(status));
      for (std::size_t i = 0; i < size; ++i) NARROW_TRY(merge(first + i, i));
    }
    return {};
  }

  [[nodiscard]] std::size_t effect_image(std::size_t i) const { return i * inputs_.count / study_.effect_images; }

  // Runs the reference on the effect images and keeps its tensors; fits factors of channels; finds the error of the
  // scores.
  Status keep_effect_images() {
    std::size_t bytes = 0;
    graph::ExecutorOptions options;
    const ValueMap<int> writers = graph::producers(*reference_);
    for (std::size_t id = 0; id < reference_->values.size(); ++id) {
      const auto value = static_cast<ValueId>(id);
      if (writers[value] < 0 && value != reference_->input) continue;
      options.keep.push_back(value);
      bytes += sizeof(float) * static_cast<std::size_t>(reference_->value(value).shape.elems());
    }
    const double by_memory =
        static_cast<double>(options_.memory_bytes) / static_cast<double>(std::max<std::size_t>(bytes, 1));
    const auto compared =
        std::count_if(layers_.begin(), layers_.end(), [](const StudiedLayer& layer) { return layer.counterpart >= 0; });
    const double of_image = graph::operations(*reference_) * static_cast<double>(compared) / 2;
    constexpr double kFewest = 4;
    const double images = std::clamp(std::min(by_memory, options_.effect_operations / std::max(of_image, 1.0)), kFewest,
                                     std::max(kFewest, static_cast<double>(options_.effect_images)));
    study_.effect_images = std::min(static_cast<std::size_t>(images), inputs_.count);

    struct Slot {
      FloatExecutor reference;
      FloatExecutor model;
      std::vector<float> scores;
    };
    std::vector<Slot> slots;
    const auto classes = static_cast<std::size_t>(reference_->value(reference_->output).shape.elems());
    for (int i = 0; i < threads_; ++i) {
      NARROW_ASSIGN(FloatExecutor reference, FloatExecutor::create(*reference_, options));
      NARROW_ASSIGN(FloatExecutor model, FloatExecutor::create(graph_, 1));
      slots.push_back({std::move(reference), std::move(model), std::vector<float>(classes)});
    }
    images_.resize(study_.effect_images);
    Power scores;
    const Status done = in_order(
        study_.effect_images,
        [&](std::size_t i, std::size_t s) -> Status {
          Slot& slot = slots[s];
          std::vector<float> input(input_elems_);
          NARROW_TRY(inputs_.fill(effect_image(i), input));
          ReferenceImage& image = images_[i];
          image.scores.resize(classes);
          NARROW_TRY(slot.reference.run(input, image.scores));
          image.values.resize(reference_->values.size());
          for (const ValueId id : options.keep) {
            const std::span<const float> elements = slot.reference.value(id);
            image.values[static_cast<std::size_t>(id)].assign(elements.begin(), elements.end());
          }
          return slot.model.run(input, slot.scores);
        },
        [&](std::size_t i, std::size_t s) -> Status {
          scores.add(images_[i].scores, slots[s].scores);
          return {};
        });
    NARROW_TRY(done);
    NARROW_TRY(fit_channel_factors(
        graph_, *counterparts_,
        [this](std::size_t i, ValueId id) -> std::span<const float> {
          return images_[i].values[static_cast<std::size_t>(id)];
        },
        images_.size(), factors_));
    study_.score_noise = relative_noise(scores);
    return {};
  }

  void count_tensor(TensorCounts& counts, const Quantization& q, std::span<const float> elements,
                    std::span<const float> reference) const {
    counts.integers = bins_of_levels(q.range);
    counts.elements = elements.size();
    for (const float element : elements)
      count(counts.integers, double{std::nearbyint(element / q.scale)} + q.zero_point);
    if (reference.empty()) return;
    counts.reals = bins_on_grid(q.range);
    for (const float real : reference) {
      const double level = double{real} / q.scale + q.zero_point;
      count(counts.reals, level);
      counts.below += level < q.range.lo - 0.5 ? 1 : 0;
      counts.above += level > q.range.hi + 0.5 ? 1 : 0;
      counts.min = std::min(counts.min, double{real});
      counts.max = std::max(counts.max, double{real});
    }
  }

  // Histograms and cumulative errors, over all images.
  Status count_tensors() {
    study_.images = inputs_.count;
    struct Slot {
      std::optional<FloatExecutor> reference;
      FloatExecutor model;
      std::vector<TensorCounts> counts;
      std::vector<Power> cumulative;
      std::vector<float> buffer;
    };
    graph::ExecutorOptions options;
    for (const StudiedLayer& layer : layers_) {
      if (layer.reference != kNoValue) options.keep.push_back(layer.reference);
    }
    std::vector<Slot> slots;
    for (int i = 0; i < threads_; ++i) {
      NARROW_ASSIGN(FloatExecutor model, FloatExecutor::create(graph_, 1));
      slots.push_back({std::nullopt,
                       std::move(model),
                       std::vector<TensorCounts>(layers_.size()),
                       std::vector<Power>(layers_.size()),
                       {}});
      if (reference_ == nullptr) continue;
      NARROW_ASSIGN(slots.back().reference, FloatExecutor::create(*reference_, options));
    }
    std::vector<TensorCounts> sums(layers_.size());
    std::vector<Power> cumulative(layers_.size());
    const Status done = in_order(
        inputs_.count,
        [&](std::size_t i, std::size_t s) -> Status {
          Slot& slot = slots[s];
          std::vector<float> input(input_elems_);
          NARROW_TRY(inputs_.fill(i, input));
          std::vector<float> scores;
          if (slot.reference) {
            scores.resize(static_cast<std::size_t>(reference_->value(reference_->output).shape.elems()));
            NARROW_TRY(slot.reference->run(input, scores));
          }
          scores.resize(static_cast<std::size_t>(graph_.value(graph_.output).shape.elems()));
          return slot.model.run(input, scores, [&](ValueId id, std::span<const float> elements) {
            const int index = layer_of_[static_cast<std::size_t>(id)];
            if (index < 0) return;
            const auto l = static_cast<std::size_t>(index);
            std::span<const float> expected;
            if (layers_[l].reference != kNoValue) {
              expected = in_units(factors_[id], slot.reference->value(layers_[l].reference), slot.buffer);
              slot.cumulative[l] = {};
              add_difference(slot.cumulative[l], factors_[id], slot.reference->value(layers_[l].reference), elements);
            }
            slot.counts[l] = {};
            const std::optional<Quantization>& q = graph_.value(id).quantization;
            if (q) count_tensor(slot.counts[l], *q, elements, expected);
          });
        },
        [&](std::size_t i, std::size_t s) -> Status {
          for (std::size_t l = 0; l < layers_.size(); ++l) {
            TensorCounts& of_image = slots[s].counts[l];
            TensorCounts& sum = sums[l];
            if (sum.integers.counts.empty()) sum.integers = bins_like(of_image.integers);
            if (sum.reals.counts.empty()) sum.reals = bins_like(of_image.reals);
            add_counts(sum.integers, of_image.integers);
            add_counts(sum.reals, of_image.reals);
            sum.min = std::min(sum.min, of_image.min);
            sum.max = std::max(sum.max, of_image.max);
            sum.elements += of_image.elements;
            sum.below += of_image.below;
            sum.above += of_image.above;
            cumulative[l].add(slots[s].cumulative[l]);
          }
          progress(0.3 * static_cast<double>(i + 1) / static_cast<double>(inputs_.count));
          return {};
        });
    NARROW_TRY(done);
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      LayerStudy& layer = study_.layers[l];
      if (layers_[l].reference != kNoValue) layer.cumulative_db = cumulative[l].decibels();
      if (sums[l].elements > 0) layer.output = finished(sums[l]);
    }
    return {};
  }

  static BinnedCounts bins_like(const BinnedCounts& bins) {
    return {bins.first, bins.width, std::vector<std::uint64_t>(bins.counts.size())};
  }

  static TensorStudy finished(const TensorCounts& sum) {
    const auto elements = static_cast<double>(sum.elements);
    TensorStudy tensor;
    tensor.integers = sum.integers;
    tensor.at_lowest = static_cast<double>(sum.integers.counts.front()) / elements;
    tensor.at_highest = static_cast<double>(sum.integers.counts.back()) / elements;
    if (sum.reals.counts.empty()) return tensor;
    tensor.reals = sum.reals;
    tensor.clipped_low = static_cast<double>(sum.below) / elements;
    tensor.clipped_high = static_cast<double>(sum.above) / elements;
    tensor.real_min = sum.min;
    tensor.real_max = sum.max;
    return tensor;
  }

  [[nodiscard]] std::optional<LayerPair> pair_of(const StudiedLayer& layer) const {
    if (reference_ == nullptr || layer.reference == kNoValue || layer.counterpart < 0) return std::nullopt;
    const Node& node = graph_.nodes[layer.node];
    const Node& counterpart = reference_->nodes[static_cast<std::size_t>(layer.counterpart)];
    if (!have_weights_alike(node, counterpart)) return std::nullopt;
    return LayerPair{&graph_, &node, reference_, &counterpart, &factors_[node.inputs[0]], &factors_[layer.value]};
  }

  Status study_layer(std::size_t l) {
    StudiedLayer& layer = layers_[l];
    LayerStudy& of = study_.layers[l];
    const Node& node = graph_.nodes[layer.node];
    const std::optional<LayerPair> pair = pair_of(layer);
    layer.is_corrected = pair && has_corrected_bias(*pair);
    if (const graph::Filter* filter = graph::filter_of(node); filter != nullptr && filter->quantized) {
      of.weights = study_weights(*filter->quantized, pair ? reference_weights(*pair) : std::vector<float>());
      const std::optional<Quantization>& input = graph_.value(node.inputs[0]).quantization;
      if (input) of.headroom_bits = headroom_bits(*filter->quantized, *input);
    }
    if (layer.reference != kNoValue && layer.counterpart >= 0) {
      NARROW_ASSIGN(const std::optional<Effect> effect, effect_of(layer, graph_, pair ? &*pair : nullptr));
      if (effect) {
        of.local_db = effect->local.decibels();
        of.score_noise = relative_noise(effect->scores);
        of.changed_answers = effect->changed;
        const ErrorParts parts{.weights = relative_noise(effect->weights),
                               .rounding = relative_noise(effect->rounding),
                               .clipping = relative_noise(effect->clipping),
                               .inputs = relative_noise(effect->inputs)};
        of.parts = parts;
        find_worst_channels(of, layer, *effect);
      }
    }
    progress(0.3 + 0.5 * static_cast<double>(l + 1) / static_cast<double>(layers_.size()));
    return {};
  }

  void find_worst_channels(LayerStudy& of, const StudiedLayer& layer, const Effect& effect) const {
    std::vector<std::size_t> order(effect.channels.size());
    for (std::size_t c = 0; c < order.size(); ++c) order[c] = c;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return effect.channels[a].noise > effect.channels[b].noise; });
    if (order.size() > kWorstChannels) order.resize(kWorstChannels);
    const graph::Filter* filter = graph::filter_of(graph_.nodes[layer.node]);
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
      for (const ReferenceImage& image : images_) {
        const std::vector<float>& elements = image.values[static_cast<std::size_t>(layer.reference)];
        for (std::size_t e = c; e < elements.size(); e += effect.channels.size()) {
          channel.min = std::min(channel.min, double{elements[e]});
          channel.max = std::max(channel.max, double{elements[e]});
        }
      }
      of.worst_channels.push_back(channel);
    }
  }

  // What the layer as it is in `variant`, a graph with the model's nodes, does alone: it computes on the reference's
  // tensors, rounded as the model rounds them. Its error without that of the inputs is added to the reference's tensor,
  // and the rest of the reference runs. pair: to measure the weights' part of the error as well. Nothing where the
  // reference has not all that the layer reads.
  Result<std::optional<Effect>> effect_of(const StudiedLayer& layer, const Graph& variant, const LayerPair* pair) {
    struct Slot {
      FloatExecutor layer;
      std::optional<FloatExecutor> counterpart;  // where it reads what the layer reads
      std::optional<FloatExecutor> in_reals;
      std::optional<FloatExecutor> rest;
      Effect effect;
    };
    graph::ExecutorOptions options;
    options.nodes = {layer.node, layer.node + 1};
    options.keep = {layer.value};
    const auto after = static_cast<std::size_t>(layer.counterpart) + 1;
    std::vector<Slot> slots;
    std::vector<ValueId> read;
    for (int i = 0; i < threads_; ++i) {
      NARROW_ASSIGN(FloatExecutor of_layer, FloatExecutor::create(variant, options));
      slots.push_back({std::move(of_layer), std::nullopt, std::nullopt, std::nullopt, {}});
      if (i == 0) {
        for (const ValueId input : slots[0].layer.inputs()) {
          read.push_back(counterparts_->of_input(input));
          if (read.back() == kNoValue) return std::optional<Effect>();
        }
      }
      graph::ExecutorOptions alone;
      alone.nodes = {after - 1, after};
      alone.keep = {layer.reference};
      NARROW_ASSIGN(FloatExecutor counterpart, FloatExecutor::create(*reference_, alone));
      const std::vector<ValueId>& inputs = counterpart.inputs();
      const bool reads_the_same = std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
        return std::find(read.begin(), read.end(), id) != read.end();
      });
      if (reads_the_same) slots.back().counterpart = std::move(counterpart);
      if (pair != nullptr) {
        NARROW_ASSIGN(const Graph reals, layer_in_reals(*pair));
        NARROW_ASSIGN(slots.back().in_reals, FloatExecutor::create(reals, 1));
      }
      if (after < reference_->nodes.size()) {
        graph::ExecutorOptions rest;
        rest.nodes = {after, reference_->nodes.size()};
        NARROW_ASSIGN(slots.back().rest, FloatExecutor::create(*reference_, rest));
      }
    }
    const auto channels = static_cast<std::size_t>(graph_.value(layer.value).shape.channels);
    Effect total;
    total.channels.resize(channels);
    total.weight_errors.resize(channels);
    std::vector<std::vector<float>> own(images_.size());
    const Status done = in_order(
        images_.size(),
        [&](std::size_t i, std::size_t s) { return effect_on(layer, images_[i], read, pair, slots[s]); },
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
    const Status scored = in_order(
        images_.size(), [&](std::size_t i, std::size_t s) { return scores_on(layer, images_[i], own[i], slots[s]); },
        [&](std::size_t, std::size_t s) -> Status {
          total.scores.add(slots[s].effect.scores);
          total.changed += slots[s].effect.changed;
          return {};
        });
    NARROW_TRY(scored);
    return std::optional<Effect>(std::move(total));
  }

  // Takes the mean of each channel out of a layer's own errors, and out of the part of its weights. Corrected biases
  // take the mean error of rounded weights, and those of the layers before as well, which are no errors of this layer.
  static void take_means(std::vector<std::vector<float>>& own, Effect& total) {
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
  [[nodiscard]] std::vector<float> rounded_input(ValueId id, std::span<const float> reference) const {
    std::vector<float> rounded(reference.begin(), reference.end());
    const std::optional<Quantization>& q = graph_.value(id).quantization;
    if (!q) return rounded;
    for (std::size_t e = 0; e < rounded.size(); ++e) {
      const double scale = q->scale / factors_[id].of(e);
      const double level = std::nearbyint(rounded[e] / scale) + q->zero_point;
      rounded[e] = static_cast<float>((std::clamp<double>(level, q->range.lo, q->range.hi) - q->zero_point) * scale);
    }
    return rounded;
  }

  template <class Slot>
  Status effect_on(const StudiedLayer& layer, const ReferenceImage& image, const std::vector<ValueId>& read,
                   const LayerPair* pair, Slot& slot) const {
    Effect effect;
    const auto channels = static_cast<std::size_t>(graph_.value(layer.value).shape.channels);
    effect.channels.resize(channels);
    std::vector<Feed> feeds;
    std::vector<std::vector<float>> buffers(read.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
      const ValueId id = slot.layer.inputs()[i];
      feeds.push_back({id, in_units(factors_[id], image.values[static_cast<std::size_t>(read[i])], buffers[i])});
    }
    NARROW_TRY(slot.layer.run(feeds));
    const std::vector<float>& expected = image.values[static_cast<std::size_t>(layer.reference)];
    const std::span<const float> result = slot.layer.value(layer.value);
    std::vector<float> local(result.begin(), result.end());
    for (std::size_t e = 0; e < local.size(); ++e) {
      if (factors_[layer.value].is_scaled) local[e] = static_cast<float>(local[e] / factors_[layer.value].of(e));
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
        elements.push_back(rounded_input(slot.layer.inputs()[i], image.values[static_cast<std::size_t>(id)]));
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
    if (const std::optional<Quantization>& q = graph_.value(layer.value).quantization) {
      for (std::size_t e = 0; e < expected.size(); ++e) {
        const double scale = q->scale / factors_[layer.value].of(e);
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
  template <class Slot>
  Status scores_on(const StudiedLayer& layer, const ReferenceImage& image, std::span<const float> own,
                   Slot& slot) const {
    Effect effect;
    const Clamp& clamp = reference_->nodes[static_cast<std::size_t>(layer.counterpart)].clamp;
    std::vector<float> alone = image.values[static_cast<std::size_t>(layer.reference)];
    for (std::size_t e = 0; e < alone.size(); ++e) alone[e] = std::clamp(alone[e] + own[e], clamp.lo, clamp.hi);
    std::vector<float> scores;
    if (slot.rest) {
      std::vector<Feed> rest;
      for (const ValueId id : slot.rest->inputs()) {
        rest.push_back({id, id == layer.reference
                                ? std::span<const float>(alone)
                                : std::span<const float>(image.values[static_cast<std::size_t>(id)])});
      }
      NARROW_TRY(slot.rest->run(rest));
      const std::span<const float> end = slot.rest->value(reference_->output);
      scores.assign(end.begin(), end.end());
    }
    if (layer.reference == reference_->output) scores = alone;
    if (scores.size() == image.scores.size()) {
      effect.scores.add(image.scores, scores);
      effect.changed = best_score(scores) != best_score(image.scores) ? 1 : 0;
    }
    slot.effect = std::move(effect);
    return {};
  }

  // Other bits and ranges for the layers with the largest effects.
  Status try_changes() {
    std::vector<std::size_t> order;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      if (study_.layers[l].score_noise && *study_.layers[l].score_noise > 0) order.push_back(l);
    }
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return *study_.layers[a].score_noise > *study_.layers[b].score_noise;
    });
    if (order.size() > options_.trial_layers) order.resize(options_.trial_layers);
    std::size_t done = 0;
    for (const std::size_t l : order) {
      NARROW_TRY(try_changes(l));
      progress(0.8 + 0.2 * static_cast<double>(++done) / static_cast<double>(order.size()));
    }
    return {};
  }

  static std::vector<int> more_bits(int bits) {
    if (bits < 6) return {6, 8};
    if (bits < 8) return {8};
    return {};
  }

  Status try_changes(std::size_t l) {
    const StudiedLayer& layer = layers_[l];
    const Node& node = graph_.nodes[layer.node];
    const LayerInfo info = engine::describe_layer(graph_, node);
    if (const std::optional<LayerPair> pair = pair_of(layer); pair && info.weight_bits < 8) {
      for (const int bits : more_bits(info.weight_bits)) {
        Graph variant = graph_;
        graph::Filter& filter = *graph::filter_of(variant.nodes[layer.node]);
        filter.quantized = with_bits(*pair, bits);
        const std::size_t bytes = graph::packed_size(filter.quantized->weight_count(), bits).value_or(0);
        NARROW_TRY(add_trial(l, variant, {.of = TrialOf::kWeights, .bits = bits, .weight_bytes = bytes}));
      }
    }
    const std::optional<Quantization>& q = graph_.value(layer.value).quantization;
    if (!q) return {};
    for (const int bits : more_bits(info.activation_bits)) {
      Quantization more = *q;
      more.range = QRange::activations(bits);
      more.scale = q->scale * static_cast<float>(q->range.steps()) / static_cast<float>(more.range.steps());
      more.zero_point = static_cast<std::int32_t>(
          std::nearbyint(static_cast<float>(q->zero_point - q->range.lo) * q->scale / more.scale));
      NARROW_TRY(add_trial(l, with_output(layer, more),
                           {.of = TrialOf::kActivations, .bits = bits, .weight_bytes = info.weight_bytes}));
    }
    for (const double factor : {0.7, 1.4}) {
      Quantization other = *q;
      other.scale = static_cast<float>(q->scale * factor);
      NARROW_TRY(add_trial(l, with_output(layer, other),
                           {.of = TrialOf::kRange,
                            .bits = info.activation_bits,
                            .range_factor = factor,
                            .weight_bytes = info.weight_bytes}));
    }
    return {};
  }

  // The model with another quantization of a layer's output.
  [[nodiscard]] Graph with_output(const StudiedLayer& layer, const Quantization& quantization) const {
    Graph variant = graph_;
    variant.value(layer.value).quantization = quantization;
    share_with_lossless(variant, layer.value);
    return variant;
  }

  // What only moves the numbers of a value has its quantization.
  static void share_with_lossless(Graph& graph, ValueId changed) {
    const std::optional<Quantization> quantization = graph.value(changed).quantization;
    std::vector<bool> has(graph.values.size());
    has[static_cast<std::size_t>(changed)] = true;
    for (const Node& node : graph.nodes) {
      if (!graph::is_lossless(node.op) || !has[static_cast<std::size_t>(node.inputs[0])]) continue;
      graph.value(node.output).quantization = quantization;
      has[static_cast<std::size_t>(node.output)] = true;
    }
  }

  // Adds what the variant does. Nothing is added where it is no network: a value may share its quantization with
  // others.
  Status add_trial(std::size_t l, const Graph& variant, Trial trial) {
    if (!graph::validate(variant).ok()) return {};
    NARROW_ASSIGN(const std::optional<Effect> effect, effect_of(layers_[l], variant, nullptr));
    if (!effect) return {};
    trial.local_db = effect->local.decibels();
    trial.score_noise = relative_noise(effect->scores);
    if (trial.of != TrialOf::kRange) {
      const std::string& name = graph_.nodes[layers_[l].node].name;
      if (costs_.empty()) costs_ = kernel_costs(model_);
      engine::ModelData data = model_.data();
      data.graph = variant;
      const std::map<std::string, double> costs = kernel_costs(Model(std::make_shared<engine::ModelData>(data)));
      const auto now = costs_.find(name);
      const auto then = costs.find(name);
      if (now != costs_.end() && then != costs.end() && now->second > 0) trial.cost_ratio = then->second / now->second;
    }
    study_.layers[l].trials.push_back(trial);
    return {};
  }

  // The estimated cost of the chosen kernel of each layer; empty where no session can be made.
  static std::map<std::string, double> kernel_costs(const Model& model) {
    std::map<std::string, double> costs;
    const Result<Session> session = Session::create(model);
    if (!session.ok()) return costs;
    for (const StepInfo& step : session->steps()) {
      if (!step.candidates.empty()) costs[step.layer] = step.candidates.front().cost_cycles;
    }
    return costs;
  }

  const Model& model_;
  const Graph& graph_;
  const Graph* reference_;
  const CalibrationInputs& inputs_;
  const StudyOptions& options_;
  int threads_;
  std::size_t input_elems_;
  std::optional<Counterparts> counterparts_;
  ValueMap<ChannelFactors> factors_;
  std::vector<StudiedLayer> layers_;
  std::vector<int> layer_of_;  // by value of the model
  std::vector<ReferenceImage> images_;
  std::map<std::string, double> costs_;
  NetworkStudy study_;
};

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
    NARROW_ASSIGN(NetworkStudy study,
                  NetworkStudier(model, prepared ? &prepared->graph : other, inputs, options).run());
    study.mixed_tensors = prepared ? prepared->mixed_sets : 0;
    return study;
  });
}

}  // namespace narrow
