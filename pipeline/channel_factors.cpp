#include "pipeline/channel_factors.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/try.h"
#include "floating/float_executor.h"
#include "graph/liveness.h"
#include "pipeline/study_weights.h"
#include "quantize/channel_sets.h"
#include "quantize/equalize.h"

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

// The weights of a layer, without a copy of those of 8 bits.
class RealWeights {
 public:
  explicit RealWeights(const Filter& filter) : filter_(filter) {
    if (filter.quantized) integers_ = filter.quantized->integers(buffer_);
  }
  [[nodiscard]] double at(std::size_t i, std::size_t out) const {
    return filter_.quantized ? double{filter_.quantized->scales[out]} * integers_[i] : double{filter_.weights[i]};
  }

 private:
  const Filter& filter_;
  std::vector<std::int8_t> buffer_;
  std::span<const std::int8_t> integers_;
};

// A least-squares fit of y = k * x.
struct Fit {
  double xx = 0, xy = 0, yy = 0;
  double count = 0;
  void add(double x, double y) {
    xx += x * x;
    xy += x * y;
    yy += y * y;
    ++count;
  }
  // Most of y is k * x. Weights that are small beside the others of their filter may be rounded to anything.
  [[nodiscard]] bool is_known() const { return xy > 0 && xy * xy > 0.5 * xx * yy; }
  [[nodiscard]] double logarithm() const { return std::log(xy / xx); }
  // The inverse of the variance of the logarithm.
  [[nodiscard]] double certainty() const {
    constexpr double kExact = 1e-10;
    return count * xy * xy / std::max(xx * yy - xy * xy, kExact * xy * xy);
  }
};
using Fits = std::vector<std::vector<Fit>>;  // by set, of each channel

// Calls visit(index, output channel, input channel) for every weight of a layer.
template <class Visit>
void for_weights(const Graph& graph, const Node& node, const Visit& visit) {
  const Filter& filter = *graph::filter_of(node);
  const std::size_t outputs = filter.bias.size();
  const auto* convolution = std::get_if<graph::Convolution>(&node.op);
  const std::size_t groups = convolution == nullptr ? 1 : static_cast<std::size_t>(convolution->groups);
  const std::size_t of_filter = filter.weights.size() / outputs;
  const std::size_t channels = static_cast<std::size_t>(graph.value(node.inputs[0]).shape.channels) / groups;
  for (std::size_t o = 0; o < outputs; ++o) {
    const std::size_t first = o / (outputs / groups) * channels;
    for (std::size_t i = 0; i < of_filter; ++i) visit(o * of_filter + i, o, first + i % channels);
  }
}

// Finds by what `scaled` multiplies the channels of `plain`, a float network.
class FactorFinder {
 public:
  FactorFinder(const Graph& plain, const Graph& scaled)
      : plain_(plain),
        counterparts_(plain, scaled),
        sets_(graph::scalable_sets(plain, graph::find_live(plain))),
        set_of_(plain.values.size(), -1),
        layer_of_(plain.nodes.size()) {
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      for (const ValueId value : sets_[s].values) set_of_[value] = static_cast<int>(s);
    }
    const ValueMap<int> writers = graph::producers(plain);
    for (const Node& node : scaled.nodes) {
      const ValueId same = graph::filter_of(node) == nullptr ? kNoValue : counterparts_.of(node.output);
      const int writer = same == kNoValue ? -1 : writers[same];
      if (writer < 0 || !have_weights_alike(node, plain.nodes[static_cast<std::size_t>(writer)])) continue;
      layer_of_[static_cast<std::size_t>(writer)] = &node;
    }
    factors_.resize(sets_.size());
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      factors_[s].assign(graph::filter_of(plain.nodes[sets_[s].writers.front()])->bias.size(), 1.0);
    }
  }

  // Of the values of `plain`.
  ValueMap<ChannelFactors> run() {
    // A layer's weights tell the factors of what it writes only where those of what it reads are known, and the other
    // way around.
    constexpr int kPasses = 8;
    for (int pass = 0; pass < kPasses; ++pass) {
      fit(pass == 0);
      for (std::size_t s = 0; s < sets_.size(); ++s) take_factors(s, pass > 0);
    }
    fit(false);
    // Measured on MobileNetV2: 0.15 to 1 in an equalized network at any width, nearly always below 0.05 in another, and
    // at 2 bits of weights above 0.1 for tensors with up to a quarter of the channels; in an equalized network, with
    // two thirds. Once that is known, a tensor of small factors is taken for equalized, too.
    constexpr double kShared = 0.1;
    constexpr double kSharedInEqualized = 0.08;
    constexpr double kShareOfChannels = 0.3;
    std::vector<double> shared;
    double channels = 0;
    double scaled = 0;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      shared.push_back(shared_deviation(s));
      channels += static_cast<double>(factors_[s].size());
      if (shared[s] > kShared) scaled += static_cast<double>(factors_[s].size());
    }
    ValueMap<ChannelFactors> found(plain_.values.size());
    if (scaled == 0 || scaled < kShareOfChannels * channels) return found;
    for (std::size_t s = 0; s < sets_.size(); ++s) {
      ChannelFactors factors{combined(s, true), shared[s] > kSharedInEqualized};
      std::replace(factors.of_channel.begin(), factors.of_channel.end(), kNotKnown, 1.0);
      for (const ValueId value : sets_[s].values) found[value] = factors;
    }
    return found;
  }

 private:
  // The factor of a channel whose weights tell nothing: those of a dead channel are all rounded to 0. What such a
  // channel is read or written with tells nothing of other channels either.
  static constexpr double kNotKnown = 0;

  [[nodiscard]] double factor(int set, std::size_t channel) const {
    if (set < 0) return 1.0;
    const std::vector<double>& factors = factors_[static_cast<std::size_t>(set)];
    return factors[channel % factors.size()];
  }

  // Fits what the weights of writers are multiplied by, and what those of readers are divided by. forward: a set's
  // factors are taken from its first writer at once, for the layers after it.
  void fit(bool forward) {
    writers_.assign(sets_.size(), {});
    readers_.assign(sets_.size(), {});
    std::vector<bool> is_written(sets_.size());
    for (std::size_t n = 0; n < plain_.nodes.size(); ++n) {
      const Node& node = plain_.nodes[n];
      if (layer_of_[n] == nullptr) continue;
      const int written = set_of_[node.output];
      const int read = set_of_[node.inputs[0]];
      if (written < 0 && read < 0) continue;
      std::vector<Fit>* out_fits = fits_of(writers_, written);
      std::vector<Fit>* in_fits = fits_of(readers_, read);
      const RealWeights weights(*graph::filter_of(*layer_of_[n]));
      const Filter& filter = *graph::filter_of(node);
      for_weights(plain_, node, [&](std::size_t i, std::size_t out, std::size_t in) {
        const double in_factor = factor(read, in);
        const double out_factor = factor(written, out);
        const double plain = filter.weights[i];
        const double real = weights.at(i, out);
        if (out_fits != nullptr && in_factor != kNotKnown) (*out_fits)[out].add(plain / in_factor, real);
        // In units of the output, so that all filters count alike.
        if (in_fits != nullptr && out_factor != kNotKnown) {
          (*in_fits)[in % in_fits->size()].add(plain, real / out_factor);
        }
      });
      if (written < 0) continue;
      const auto s = static_cast<std::size_t>(written);
      if (forward && !is_written[s]) take_factors(s, false);
      is_written[s] = true;
    }
  }

  // Sets the factors of a set to those of the fits, if these tell any.
  void take_factors(std::size_t s, bool with_readers) {
    std::vector<double> factors = combined(s, with_readers);
    if (std::any_of(factors.begin(), factors.end(), [](double factor) { return factor != kNotKnown; })) {
      factors_[s] = std::move(factors);
    }
  }

  std::vector<Fit>* fits_of(Fits& fits, int set) const {
    if (set < 0) return nullptr;
    std::vector<Fit>& of = fits[static_cast<std::size_t>(set)];
    of.resize(factors_[static_cast<std::size_t>(set)].size());
    return &of;
  }

  // The factors of a set by its writers and readers. Rounding makes the weights of a layer smaller altogether, which is
  // no factor: the smallest factor is 1.
  [[nodiscard]] std::vector<double> combined(std::size_t s, bool with_readers) const {
    std::vector<double> factors(factors_[s].size(), kNotKnown);
    double smallest = std::numeric_limits<double>::infinity();
    for (std::size_t c = 0; c < factors.size(); ++c) {
      double sum = 0;
      double certainty = 0;
      if (c < writers_[s].size() && writers_[s][c].is_known()) {
        certainty += writers_[s][c].certainty();
        sum += writers_[s][c].certainty() * writers_[s][c].logarithm();
      }
      if (with_readers && c < readers_[s].size() && readers_[s][c].is_known()) {
        certainty += readers_[s][c].certainty();
        sum -= readers_[s][c].certainty() * readers_[s][c].logarithm();
      }
      if (certainty == 0) continue;
      factors[c] = std::exp(sum / certainty);
      smallest = std::min(smallest, factors[c]);
    }
    for (double& factor : factors) {
      if (factor != kNotKnown) factor = std::min(factor / smallest, graph::kMostEqualization);
    }
    return factors;
  }

  // Writers multiply by what readers divide by: the square root of the covariance of both logarithms over the channels.
  // What rounding does to writers and to readers has hardly any.
  [[nodiscard]] double shared_deviation(std::size_t s) const {
    std::vector<std::pair<double, double>> logarithms;
    for (std::size_t c = 0; c < writers_[s].size() && c < readers_[s].size(); ++c) {
      if (!writers_[s][c].is_known() || !readers_[s][c].is_known()) continue;
      logarithms.emplace_back(writers_[s][c].logarithm(), -readers_[s][c].logarithm());
    }
    if (logarithms.size() < 2) return 0.0;
    const auto count = static_cast<double>(logarithms.size());
    double a = 0, b = 0;
    for (const auto& [x, y] : logarithms) {
      a += x / count;
      b += y / count;
    }
    double covariance = 0;
    for (const auto& [x, y] : logarithms) covariance += (x - a) * (y - b) / count;
    return std::sqrt(std::max(covariance, 0.0));
  }

  const Graph& plain_;
  Counterparts counterparts_;
  std::vector<ChannelSet> sets_;
  ValueMap<int> set_of_;                      // by value of `plain`; -1: none
  std::vector<const Node*> layer_of_;         // by node of `plain`; null: not a layer of both
  std::vector<std::vector<double>> factors_;  // by set
  Fits writers_;
  Fits readers_;
};

}  // namespace

ValueMap<ChannelFactors> find_channel_factors(const Graph& reference, const Graph& other) {
  ValueMap<ChannelFactors> factors(other.values.size());
  const bool is_inverse = has_integers(reference);
  if (is_inverse == has_integers(other)) return factors;
  const Counterparts counterparts(reference, other);
  ValueMap<ChannelFactors> found =
      is_inverse ? FactorFinder(other, reference).run() : FactorFinder(reference, other).run();
  for (std::size_t v = 0; v < other.values.size(); ++v) {
    const auto id = static_cast<ValueId>(v);
    const ValueId same = counterparts.of(id);
    if (same == kNoValue) continue;
    factors[id] = found[is_inverse ? id : same];
    if (!is_inverse) continue;
    for (double& factor : factors[id].of_channel) factor = 1 / factor;
  }
  // What rounds or unrounds a tensor has its factors.
  for (const Node& node : other.nodes) {
    if (graph::is<graph::Quantize, graph::Dequantize>(node.op)) factors[node.output] = factors[node.inputs[0]];
  }
  return factors;
}

Status fit_channel_factors(const Graph& other, const Counterparts& counterparts, const ReferenceValue& value,
                           std::size_t images, ValueMap<ChannelFactors>& factors) {
  constexpr double kFewElements = 200;  // of a channel, which fit what is chance
  for (std::size_t n = 0; n < other.nodes.size(); ++n) {
    const Node& node = other.nodes[n];
    ChannelFactors& of = factors[node.output];
    if (!of.is_scaled) continue;
    if (graph::filter_of(node) == nullptr) {
      const ChannelFactors& from = factors[node.inputs[0]];
      if (from.is_scaled && from.of_channel.size() == of.of_channel.size()) of = from;
      continue;
    }
    graph::ExecutorOptions options;
    options.nodes = {n, n + 1};
    options.keep = {node.output};
    NARROW_ASSIGN(graph::FloatExecutor layer, graph::FloatExecutor::create(other, options));
    const std::vector<ValueId>& inputs = layer.inputs();
    const ValueId output = counterparts.of(node.output);
    const bool is_known =
        std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) { return counterparts.of_input(id) != kNoValue; });
    const std::size_t channels = of.of_channel.size();
    const double elements = static_cast<double>(other.value(node.output).shape.elems()) * static_cast<double>(images) /
                            static_cast<double>(channels);
    if (output == kNoValue || !is_known || elements < kFewElements) continue;
    std::vector<Fit> fits(channels);
    for (std::size_t i = 0; i < images; ++i) {
      std::vector<graph::Feed> feeds;
      std::vector<std::vector<float>> buffers(inputs.size());
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        feeds.push_back(
            {inputs[k], in_units(factors[inputs[k]], value(i, counterparts.of_input(inputs[k])), buffers[k])});
      }
      NARROW_TRY(layer.run(feeds));
      const std::span<const float> expected = value(i, output);
      const std::span<const float> elements_of = layer.value(node.output);
      for (std::size_t e = 0; e < expected.size(); ++e) fits[e % channels].add(expected[e], elements_of[e]);
    }
    // Equalization multiplies by 1 or more. A channel that is smaller than it should be has an error.
    const bool is_up = *std::max_element(of.of_channel.begin(), of.of_channel.end()) > 1;
    for (std::size_t c = 0; c < channels; ++c) {
      if (!fits[c].is_known()) continue;
      const double factor = fits[c].xy / fits[c].xx;
      of.of_channel[c] = is_up ? std::max(factor, 1.0) : std::min(factor, 1.0);
    }
  }
  return {};
}

std::span<const float> in_units(const ChannelFactors& factors, std::span<const float> reference,
                                std::vector<float>& buffer) {
  if (!factors.is_scaled) return reference;
  buffer.resize(reference.size());
  for (std::size_t e = 0; e < buffer.size(); ++e) buffer[e] = static_cast<float>(reference[e] * factors.of(e));
  return buffer;
}

void add_difference(Power& power, const ChannelFactors& factors, std::span<const float> reference,
                    std::span<const float> other) {
  if (!factors.is_scaled) {
    power.add(reference, other);
    return;
  }
  for (std::size_t e = 0; e < reference.size(); ++e) {
    const double expected = reference[e];
    const double difference = expected - other[e] / factors.of(e);
    power.signal += expected * expected;
    power.noise += difference * difference;
  }
}

}  // namespace v0
}  // namespace narrow
