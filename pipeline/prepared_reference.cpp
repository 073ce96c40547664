#include "pipeline/prepared_reference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/try.h"
#include "floating/float_executor.h"
#include "graph/liveness.h"
#include "pipeline/counterparts.h"
#include "pipeline/study_weights.h"
#include "quantize/channel_sets.h"
#include "quantize/mix_channels.h"

namespace narrow {
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

// A set whose channels the model has mixed.
struct MixedSet {
  ChannelSet set;
  std::size_t channels = 0;
  std::vector<std::pair<ValueId, ValueId>> tensors;  // that layers read: of the reference, of the model
  std::vector<double> reference_products;            // [channels, channels], the sum of x x^T
  std::vector<double> products;                      // the sum of y x^T, where y is the model's
  double positions = 0;
  // The same of the writers' weights, whose columns take the place of positions. With few bits they are closer to the
  // mixed weights than tensors are to the mixed tensors: an error of a tensor is that of all layers before.
  std::vector<double> reference_weights;
  std::vector<double> weights;
  double columns = 0;
  // The readers' weights, [rows, channels], which the model multiplies by the inverse. Both [channels, channels].
  std::vector<double> read_products;  // of the model's: the sum of w w^T
  std::vector<double> read;           // the sum of w v^T, where v is the reference's
  bool has_readers = false;
  bool has_few_bits = false;  // fewer than 8, of the writers' weights or of the tensors

  [[nodiscard]] bool is_of_weights() const {
    return has_few_bits && columns >= kFewPositions * static_cast<double>(channels);
  }

  void add(std::span<const float> x, std::span<const float> y) {
    for (std::size_t first = 0; first < x.size(); first += channels) {
      for (std::size_t a = 0; a < channels; ++a) {
        const double mixed = y[first + a];
        const double plain = x[first + a];
        for (std::size_t b = 0; b < channels; ++b) {
          reference_products[a * channels + b] += plain * double{x[first + b]};
          products[a * channels + b] += mixed * double{x[first + b]};
        }
      }
      positions += 1;
    }
  }

  // Both [channels, columns]. Errors of a layer count relative to the power of its weights, so that all layers count
  // alike.
  void add_weights(std::span<const float> plain, std::span<const float> mixed) {
    const std::size_t count = plain.size() / channels;
    const double share = 1 / power_of(mixed);
    for (std::size_t a = 0; a < channels; ++a) {
      for (std::size_t b = 0; b < channels; ++b) {
        double of_plain = 0;
        double of_mixed = 0;
        for (std::size_t i = 0; i < count; ++i) {
          of_plain += double{plain[a * count + i]} * double{plain[b * count + i]};
          of_mixed += double{mixed[a * count + i]} * double{plain[b * count + i]};
        }
        reference_weights[a * channels + b] += share * of_plain;
        weights[a * channels + b] += share * of_mixed;
      }
    }
    columns += static_cast<double>(count);
  }

  // Both [rows, channels].
  void add_readers(std::span<const float> plain, std::span<const float> mixed) {
    const double share = 1 / power_of(plain);
    for (std::size_t first = 0; first < plain.size(); first += channels) {
      for (std::size_t a = 0; a < channels; ++a) {
        const double of_model = share * mixed[first + a];
        for (std::size_t b = 0; b < channels; ++b) {
          read_products[a * channels + b] += of_model * double{mixed[first + b]};
          read[a * channels + b] += of_model * double{plain[first + b]};
        }
      }
    }
    has_readers = true;
  }

 private:
  static double power_of(std::span<const float> weights) {
    double power = 0;
    for (const float weight : weights) power += double{weight} * weight;
    return std::max(power, 1e-30);
  }
};

std::vector<MixedSet> find_mixed_sets(const Graph& reference, const Graph& model) {
  constexpr double kSameSigns = 0.5;
  const ValueMap<int> writers = graph::producers(model);
  const Counterparts counterparts(model, reference);
  const auto counterpart = [&](ValueId id) { return counterparts.of(id); };
  std::vector<MixedSet> found;
  for (ChannelSet& set : graph::mixable_sets(reference, graph::find_live(reference))) {
    MixedSet mixed;
    bool has_other_signs = false;
    std::vector<std::pair<const Filter*, const Filter*>> writer_filters;  // of the reference, of the model
    for (const std::size_t n : set.writers) {
      const ValueId same = counterpart(reference.nodes[n].output);
      if (same == kNoValue || writers[same] < 0) continue;
      const Node& writer = model.nodes[static_cast<std::size_t>(writers[same])];
      if (!have_weights_alike(writer, reference.nodes[n])) continue;
      writer_filters.emplace_back(graph::filter_of(reference.nodes[n]), graph::filter_of(writer));
      const double signs = agreement_of_signs(*writer_filters.back().first, *writer_filters.back().second);
      has_other_signs = has_other_signs || signs < kSameSigns;
    }
    mixed.channels = graph::filter_of(reference.nodes[set.writers.front()])->bias.size();
    if (!has_other_signs || mixed.channels < 2 || mixed.channels > graph::kMostMixedChannels) continue;
    std::set<ValueId> read;
    for (const std::size_t n : set.readers) read.insert(reference.nodes[n].inputs[0]);
    for (const ValueId id : read) {
      if (const ValueId same = counterpart(id); same != kNoValue) mixed.tensors.emplace_back(id, same);
    }
    mixed.set = std::move(set);
    mixed.read_products.resize(mixed.channels * mixed.channels);
    mixed.read.resize(mixed.channels * mixed.channels);
    mixed.reference_products.resize(mixed.channels * mixed.channels);
    mixed.products.resize(mixed.channels * mixed.channels);
    mixed.reference_weights.resize(mixed.channels * mixed.channels);
    mixed.weights.resize(mixed.channels * mixed.channels);
    for (const auto& [plain, other] : writer_filters) {
      mixed.add_weights(plain->weights, real_weights(*other));
      mixed.has_few_bits |= other->quantized && other->quantized->range.steps() < QRange::weights(kMaxBits).steps();
    }
    for (const std::size_t n : mixed.set.readers) {
      const ValueId same = counterpart(reference.nodes[n].output);
      if (same == kNoValue || writers[same] < 0) continue;
      const Node& reader = model.nodes[static_cast<std::size_t>(writers[same])];
      if (!have_weights_alike(reader, reference.nodes[n])) continue;
      mixed.add_readers(graph::filter_of(reference.nodes[n])->weights, real_weights(*graph::filter_of(reader)));
    }
    for (const auto& tensors : mixed.tensors) {
      const std::optional<Quantization>& q = model.value(tensors.second).quantization;
      mixed.has_few_bits |= q && q->range.steps() < QRange::activations(kMaxBits).steps();
    }
    found.push_back(std::move(mixed));
  }
  return found;
}

Status observe(const Graph& reference, const Graph& model, const CalibrationInputs& inputs,
               std::vector<MixedSet>& sets) {
  graph::ExecutorOptions options;
  for (const MixedSet& set : sets) {
    for (const auto& [plain, mixed] : set.tensors) options.keep.push_back(plain);
  }
  NARROW_ASSIGN(graph::FloatExecutor plain, graph::FloatExecutor::create(reference, options));
  NARROW_ASSIGN(graph::FloatExecutor mixed, graph::FloatExecutor::create(model, 1));
  std::map<ValueId, std::vector<float>> kept;  // of the model
  for (const MixedSet& set : sets) {
    for (const auto& tensors : set.tensors) kept[tensors.second] = {};
  }
  std::vector<float> input(static_cast<std::size_t>(reference.value(reference.input).shape.elems()));
  std::vector<float> scores(static_cast<std::size_t>(reference.value(reference.output).shape.elems()));
  std::vector<float> model_scores(static_cast<std::size_t>(model.value(model.output).shape.elems()));
  const std::size_t images = std::min(kImages, inputs.count);
  for (std::size_t i = 0; i < images; ++i) {
    NARROW_TRY(inputs.fill(i * inputs.count / images, input));
    NARROW_TRY(plain.run(input, scores));
    NARROW_TRY(mixed.run(input, model_scores, [&](ValueId id, std::span<const float> elements) {
      if (const auto found = kept.find(id); found != kept.end()) found->second.assign(elements.begin(), elements.end());
    }));
    for (MixedSet& set : sets) {
      for (const auto& [x, y] : set.tensors) set.add(plain.value(x), kept[y]);
    }
  }
  return {};
}

// Gives the reference the narrow copies that the model has. Returns how many.
Result<std::size_t> add_copies(const Graph& model, Graph& reference) {
  const Counterparts counterparts(reference, model);
  std::set<std::string> values;
  for (ValueId id = 0; reference.has(id); ++id) values.insert(reference.value(id).name);
  const ValueMap<std::vector<int>> readers = graph::consumers(model);
  // By the value of the reference: the copy's name, and the names of the nodes that read it.
  std::map<ValueId, std::pair<std::string, std::set<std::string>>> copies;
  for (const Node& node : model.nodes) {
    const ValueId source = counterparts.of(node.inputs[0]);
    const bool is_copy = graph::is<graph::Activation>(node.op) && node.clamp.is_identity() &&
                         values.count(node.name) == 0 && source != kNoValue;
    if (!is_copy || reference.value(source).shape != model.value(node.output).shape) continue;
    auto& copy = copies[source];
    copy.first = node.name;
    for (const int reader : readers[node.output])
      copy.second.insert(model.nodes[static_cast<std::size_t>(reader)].name);
  }
  if (copies.empty()) return std::size_t{0};
  std::map<ValueId, ValueId> made;
  std::vector<Node> nodes = std::move(reference.nodes);
  reference.nodes.clear();
  for (Node& node : nodes) {
    for (ValueId& id : node.inputs) {
      const auto copy = made.find(id);
      if (copy != made.end() && copies.at(id).second.count(node.name) != 0) id = copy->second;
    }
    const ValueId written = node.output;
    reference.nodes.push_back(std::move(node));
    const auto copy = copies.find(written);
    if (copy == copies.end()) continue;
    NARROW_ASSIGN(made[written], reference.add_node(copy->second.first, graph::Activation{}, {written}));
  }
  return made.size();
}

// Mixes the channels of the reference as the model has them. Returns the number of sets.
Result<std::size_t> mix(const Graph& model, const CalibrationInputs& inputs, Graph& reference) {
  std::vector<MixedSet> sets = find_mixed_sets(reference, model);
  if (sets.empty()) return std::size_t{0};
  NARROW_TRY(observe(reference, model, inputs, sets));
  std::size_t count = 0;
  for (const MixedSet& set : sets) {
    if (!set.is_of_weights() && set.positions < kFewPositions * static_cast<double>(set.channels)) continue;
    const std::optional<graph::Mixing> mixing =
        set.is_of_weights() && set.has_readers
            ? graph::fitted_mixing_of_weights(set.channels, {set.reference_weights, set.weights},
                                              {set.read_products, set.read})
            : graph::fitted_mixing(set.channels, set.reference_products, set.products);
    if (!mixing) continue;
    graph::apply_mixing(set.set, *mixing, reference);
    ++count;
  }
  return count;
}

}  // namespace

Result<std::optional<PreparedReference>> prepare_reference(const Graph& reference, const Graph& model,
                                                           const CalibrationInputs& inputs) {
  std::optional<PreparedReference> result;
  if (has_integers(reference) || !has_integers(model)) return result;
  PreparedReference prepared{reference};
  NARROW_ASSIGN(prepared.copies, add_copies(model, prepared.graph));
  NARROW_ASSIGN(prepared.mixed_sets, mix(model, inputs, prepared.graph));
  if (prepared.copies > 0 || prepared.mixed_sets > 0) result = std::move(prepared);
  return result;
}

}  // namespace narrow
