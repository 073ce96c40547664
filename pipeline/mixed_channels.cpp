#include "pipeline/mixed_channels.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "base/try.h"
#include "floating/float_executor.h"
#include "graph/liveness.h"
#include "pipeline/channel_factors.h"
#include "pipeline/counterparts.h"
#include "pipeline/study_weights.h"
#include "quantize/channel_sets.h"
#include "quantize/fitted_mixing.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::ChannelSet;
using graph::Filter;
using graph::Graph;
using graph::kNoValue;
using graph::Node;
using graph::ValueId;
using graph::ValueMap;

constexpr std::size_t kImages = 64;
constexpr double kFewPositions = 2;  // or columns of weights for each channel, which fit what is chance

// The products of weights, those with a different sign counted against the others: 1 for weights of the same signs,
// near 0 for weights that have nothing to do with each other.
double agreement_of_signs(const Filter& plain, const Filter& other) {
  const std::vector<float> reals = real_weights(other);
  double sum = 0;
  double all = 0;
  for (std::size_t i = 0; i < reals.size(); ++i) {
    const double product = double{plain.weights[i]} * double{reals[i]};
    sum += product;
    all += std::abs(product);
  }
  return all > 0 ? sum / all : 1.0;
}

// A layer of both networks.
struct LayerOfBoth {
  std::size_t node = 0;            // of the reference
  const Filter* filter = nullptr;  // of the model
};

// A set whose channels the model has mixed.
struct MixedSet {
  ChannelSet set;
  std::size_t channels = 0;
  std::vector<LayerOfBoth> writers;
  std::vector<LayerOfBoth> readers;
  std::vector<std::pair<ValueId, ValueId>> tensors;  // that layers read: of the reference, of the model
  bool is_of_weights = false;                        // what the mixing is fitted to
  // Of tensors, both [channels, channels].
  std::vector<double> squares;  // the sum of x x^T
  std::vector<double> both;     // the sum of y x^T, where y is the model's
  double positions = 0;
  std::optional<graph::Mixing> mixing;  // that was found

  void add(std::span<const float> x, std::span<const float> y) {
    for (std::size_t first = 0; first < x.size(); first += channels) {
      for (std::size_t a = 0; a < channels; ++a) {
        const double mixed = y[first + a];
        const double plain = x[first + a];
        for (std::size_t b = 0; b < channels; ++b) {
          squares[a * channels + b] += plain * double{x[first + b]};
          both[a * channels + b] += mixed * double{x[first + b]};
        }
      }
      positions += 1;
    }
  }
};

class MixingFinder {
 public:
  MixingFinder(const Graph& reference, const Graph& model)
      : reference_(reference),
        model_(model),
        counterparts_(model, reference),
        writers_(graph::producers(model)),
        scalable_channels_(reference.values.size()) {
    find_mixed_sets();
    find_scalable_channels();
  }

  Result<std::size_t> run(const CalibrationInputs& inputs) {
    const auto is_of_weights = [](const MixedSet& set) { return set.is_of_weights; };
    if (!std::all_of(sets_.begin(), sets_.end(), is_of_weights)) NARROW_TRY(observe(inputs));
    for (MixedSet& set : sets_) {
      if (!set.is_of_weights && set.positions >= kFewPositions * static_cast<double>(set.channels)) {
        set.mixing = graph::fitted_mixing(set.channels, set.squares, set.both);
      }
    }
    fit_to_weights();
    return static_cast<std::size_t>(
        std::count_if(sets_.begin(), sets_.end(), [](const MixedSet& set) { return set.mixing.has_value(); }));
  }

  // The reference with the channels that were found.
  [[nodiscard]] Graph mixed() const {
    Graph mixed = reference_;
    for (const MixedSet& set : sets_) {
      if (set.mixing) graph::apply_mixing(set.set, *set.mixing, mixed);
    }
    return mixed;
  }

 private:
  // The model's layer of the same place and size; null: none.
  [[nodiscard]] const Node* layer_of_model(std::size_t n) const {
    const ValueId same = counterparts_.of(reference_.nodes[n].output);
    if (same == kNoValue || writers_[same] < 0) return nullptr;
    const Node& layer = model_.nodes[static_cast<std::size_t>(writers_[same])];
    return have_weights_alike(layer, reference_.nodes[n]) ? &layer : nullptr;
  }

  void find_mixed_sets() {
    constexpr double kSameSigns = 0.5;
    for (ChannelSet& set : graph::mixable_sets(reference_, graph::find_live(reference_))) {
      MixedSet mixed;
      mixed.channels = graph::filter_of(reference_.nodes[set.writers.front()])->bias.size();
      if (mixed.channels < 2 || mixed.channels > graph::kMostMixedChannels) continue;
      bool has_other_signs = false;
      bool has_few_bits = false;  // fewer than 8, of the writers' weights or of the tensors
      double columns = 0;
      for (const std::size_t n : set.writers) {
        const Node* layer = layer_of_model(n);
        if (layer == nullptr) continue;
        const Filter& filter = *graph::filter_of(*layer);
        const Filter& plain = *graph::filter_of(reference_.nodes[n]);
        mixed.writers.push_back({n, &filter});
        has_other_signs |= agreement_of_signs(plain, filter) < kSameSigns;
        has_few_bits |= filter.quantized && filter.quantized->range.steps() < QRange::weights(kMaxBits).steps();
        const std::size_t per_channel = plain.weights.size() / mixed.channels;
        columns += static_cast<double>(per_channel);
      }
      if (!has_other_signs) continue;
      std::set<ValueId> read;
      for (const std::size_t n : set.readers) {
        read.insert(reference_.nodes[n].inputs[0]);
        if (const Node* layer = layer_of_model(n)) mixed.readers.push_back({n, graph::filter_of(*layer)});
      }
      for (const ValueId id : read) {
        const ValueId same = counterparts_.of(id);
        if (same == kNoValue) continue;
        mixed.tensors.emplace_back(id, same);
        const std::optional<Quantization>& q = model_.value(same).quantization;
        has_few_bits |= q && q->range.steps() < QRange::activations(kMaxBits).steps();
      }
      mixed.is_of_weights =
          has_few_bits && !mixed.readers.empty() && columns >= kFewPositions * static_cast<double>(mixed.channels);
      mixed.set = std::move(set);
      sets_.push_back(std::move(mixed));
    }
  }

  // Mixed tensors have no factors beside their mixing.
  void find_scalable_channels() {
    if (sets_.empty()) return;
    for (const ChannelSet& set : graph::scalable_sets(reference_, graph::find_live(reference_))) {
      for (const ValueId value : set.values) {
        scalable_channels_[value] = graph::filter_of(reference_.nodes[set.writers.front()])->bias.size();
      }
    }
    for (const MixedSet& set : sets_) {
      for (const ValueId value : set.set.values) scalable_channels_[value] = 0;
    }
  }

  // Sums products of tensors, for sets that are fitted to these.
  Status observe(const CalibrationInputs& inputs) {
    graph::ExecutorOptions options;
    std::map<ValueId, std::vector<std::pair<MixedSet*, ValueId>>> watched;  // by the model's; the reference's
    for (MixedSet& set : sets_) {
      if (set.is_of_weights) continue;
      set.squares.resize(set.channels * set.channels);
      set.both.resize(set.channels * set.channels);
      for (const auto& [plain, mixed] : set.tensors) {
        options.keep.push_back(plain);
        watched[mixed].emplace_back(&set, plain);
      }
    }
    NARROW_ASSIGN(graph::FloatExecutor plain, graph::FloatExecutor::create(reference_, options));
    NARROW_ASSIGN(graph::FloatExecutor mixed, graph::FloatExecutor::create(model_, 1));
    std::vector<float> input(static_cast<std::size_t>(reference_.value(reference_.input).shape.elems()));
    std::vector<float> scores(static_cast<std::size_t>(reference_.value(reference_.output).shape.elems()));
    std::vector<float> model_scores(static_cast<std::size_t>(model_.value(model_.output).shape.elems()));
    const std::size_t images = std::min(kImages, inputs.count);
    for (std::size_t i = 0; i < images; ++i) {
      NARROW_TRY(inputs.fill(i * inputs.count / images, input));
      NARROW_TRY(plain.run(input, scores));
      NARROW_TRY(mixed.run(input, model_scores, [&](ValueId id, std::span<const float> elements) {
        const auto found = watched.find(id);
        if (found == watched.end()) return;
        for (const auto& [set, of_reference] : found->second) set->add(plain.value(of_reference), elements);
      }));
    }
    return {};
  }

  // A network is equalized or it is not: the weights of all sets decide. With factors some more is always explained.
  void fit_to_weights() {
    // Measured on MobileNetV2 at 4 and 3 bits: 0.08 to 0.52 in equalized networks, above 0.88 in others. At 2 bits it
    // is 0.58 to 0.92 and above 1; there the factors of all tensors tell, which need no good mixing.
    constexpr double kClearlyLess = 0.6;
    std::vector<graph::MixingOfWeights> found(sets_.size());
    double plain_left = 0;
    double scaled_left = 0;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      if (!sets_[s].is_of_weights) continue;
      found[s] = mixing_of_weights(sets_[s]);
      double weights = 0;
      for (const std::vector<LayerOfBoth>* layers : {&sets_[s].writers, &sets_[s].readers}) {
        for (const LayerOfBoth& layer : *layers) {
          weights += static_cast<double>(graph::filter_of(reference_.nodes[layer.node])->weights.size());
        }
      }
      plain_left += weights * found[s].plain_left;
      scaled_left += weights * found[s].scaled_left;
    }
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      if (sets_[s].is_of_weights) sets_[s].mixing = std::move(found[s].plain);
    }
    if (plain_left == 0 || (scaled_left >= kClearlyLess * plain_left && !is_equalized())) return;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      if (sets_[s].is_of_weights) sets_[s].mixing = std::move(found[s].scaled);
    }
  }

  // With the mixing as it is now.
  [[nodiscard]] bool is_equalized() const {
    const ValueMap<ChannelFactors> factors = find_channel_factors(mixed(), model_);
    for (ValueId id = 0; model_.has(id); ++id) {
      if (factors[id].is_scaled) return true;
    }
    return false;
  }

  [[nodiscard]] graph::MixingOfWeights mixing_of_weights(const MixedSet& set) const {
    std::deque<std::vector<float>> reals;
    const auto weights_of = [&](const std::vector<LayerOfBoth>& layers, bool are_writers) {
      std::vector<graph::WeightsOfBoth> weights;
      for (const LayerOfBoth& layer : layers) {
        const Node& node = reference_.nodes[layer.node];
        weights.push_back({graph::filter_of(node)->weights, reals.emplace_back(real_weights(*layer.filter)),
                           scalable_channels_[are_writers ? node.inputs[0] : node.output]});
      }
      return weights;
    };
    return graph::fitted_mixing_of_weights(set.channels, weights_of(set.writers, true), weights_of(set.readers, false));
  }

  const Graph& reference_;
  const Graph& model_;
  Counterparts counterparts_;  // of the reference's values in the model
  ValueMap<int> writers_;      // of the model's values
  std::vector<MixedSet> sets_;
  ValueMap<std::size_t> scalable_channels_;  // by value of the reference; 0: they have no factors
};

}  // namespace

Result<std::size_t> mix_as(const Graph& model, const CalibrationInputs& inputs, Graph& reference) {
  MixingFinder finder(reference, model);
  NARROW_ASSIGN(const std::size_t count, finder.run(inputs));
  if (count > 0) reference = finder.mixed();
  return count;
}

}  // namespace v0
}  // namespace narrow
