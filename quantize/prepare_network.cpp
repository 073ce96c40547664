#include "quantize/prepare_network.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/cancelled.h"
#include "base/try.h"
#include "quantize/bit_plan.h"
#include "quantize/calibrate.h"
#include "quantize/channel_sets.h"
#include "quantize/equalize.h"
#include "quantize/methods.h"
#include "quantize/mix_channels.h"
#include "quantize/narrow_copies.h"
#include "quantize/sensitivity.h"
#include "quantize/statistics/channel_products.h"

namespace narrow::graph {
namespace {

constexpr const char* kPreparation = "preparation";  // what the events are about
// Of the answers that are compared. Without it a few images decide: those of which a network is not certain.
constexpr float kTemperature = 4;
// At most, that weights are rounded with for the comparison, and that are compared.
constexpr std::size_t kImages = 128;
// Of the answers at 8 bits with the nearest integers as weights: below it, nothing more is tried.
constexpr double kCloseEnough = 0.001;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// Some of the images, spread evenly. start: in [0, 1), of the distance between two of them.
CalibrationInputs some_images(Activations& activations, double start) {
  const std::size_t all = activations.images();
  const std::size_t count = std::clamp<std::size_t>(all / 2, 1, kImages);
  return {count, [&activations, all, count, start](std::size_t i, std::span<float> out) {
            const double image =
                (static_cast<double>(i) + start) * static_cast<double>(all) / static_cast<double>(count);
            return activations.fill(static_cast<std::size_t>(image), out);
          }};
}

// Of the answers, once the network is quantized by the fast methods: on images that its weights are not rounded with,
// if there are so many.
Result<double> divergence(const Graph& graph, const std::vector<std::optional<Observation>>& observations,
                          Activations& activations, QuantizeOptions options) {
  options.effort = Effort::kFast;
  options.progress = {};
  const Liveness live = find_live(graph);
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, live, options));
  NARROW_ASSIGN(const RepresentationPlan representations,
                plan_representations(graph, live, bits.in_float, bits.writes_float));
  const ValueMap<int> producer = producers(graph);
  const auto context = [&](Activations& images) {
    return Context{graph, live, bits, representations, observations, options, producer, &images};
  };
  const CalibrationInputs rounded = some_images(activations, 0);
  NARROW_ASSIGN(Activations to_round,
                Activations::create(graph, rounded, {options.threads, 0, {}, options.cancellation}));
  NARROW_ASSIGN(const Decisions decisions, decide(context(to_round)));
  const CalibrationInputs compared = some_images(activations, 0.5);
  NARROW_ASSIGN(Activations to_compare,
                Activations::create(graph, compared, {options.threads, 0, {}, options.cancellation}));
  const Context comparing = context(to_compare);
  NARROW_ASSIGN(const AnswerMeter meter, AnswerMeter::create(comparing, kImages, kTemperature));
  NARROW_ASSIGN(const AnswerChange change, meter.measure(decisions));
  return change.divergence;
}

// A network that was changed, and how many tensors or sets of tensors that concerns. Without a network: none.
struct Changed {
  std::optional<Graph> graph;
  std::size_t count = 0;
  std::map<std::string, std::string> copies = {};  // NarrowCopies::names
};

using Observations = std::vector<std::optional<Observation>>;

Result<Changed> copy_residuals(const Graph& graph, const Observations& /*observations*/, Activations& /*activations*/,
                               const QuantizeOptions& options) {
  const Liveness live = find_live(graph);
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, live, options));
  NARROW_ASSIGN(std::optional<NarrowCopies> copied, with_narrow_copies(graph, live, bits));
  if (!copied) return Changed{};
  const std::size_t count = copied->names.size();
  return Changed{std::move(copied->graph), count, std::move(copied->names)};
}

// The mean over the tensors of a set that layers read, of the products of channels.
std::vector<double> products_read(const Graph& graph, const ChannelSet& set,
                                  const std::vector<std::optional<ChannelProducts>>& products) {
  std::set<ValueId> read;
  for (const std::size_t n : set.readers) read.insert(graph.nodes[n].inputs[0]);
  std::vector<double> sum;
  for (const ValueId id : read) {
    const std::vector<double> means = products[index(id)]->means();
    sum.resize(means.size());
    for (std::size_t i = 0; i < means.size(); ++i) sum[i] += means[i] / static_cast<double>(read.size());
  }
  return sum;
}

Result<Changed> mix(const Graph& graph, const Observations& /*observations*/, Activations& activations,
                    const QuantizeOptions& options) {
  // At every width, because linear tensors of 8 bits are rounded more coarsely than others, too.
  const std::vector<ChannelSet> sets = mixable_sets(graph, find_live(graph));
  const auto channels = [&](const ChannelSet& set) { return filter_of(graph.nodes[set.writers.front()])->bias.size(); };
  ValueMap<std::size_t> channels_of(graph.values.size());  // of the tensors to mix; 0: another one
  for (const ChannelSet& set : sets) {
    if (channels(set) < 2 || channels(set) > kMostMixedChannels) continue;
    for (const std::size_t n : set.readers) channels_of[graph.nodes[n].inputs[0]] = channels(set);
  }
  if (std::all_of(channels_of.begin(), channels_of.end(), [](std::size_t count) { return count == 0; })) {
    return Changed{};
  }
  std::map<std::string, ValueId> ids;
  for (ValueId id = 0; graph.has(id); ++id) ids[graph.value(id).name] = id;
  NARROW_ASSIGN(const auto products, activations.collect<ChannelProducts>([&](const Value& value) {
    return ChannelProducts(channels_of[ids.at(value.name)]);
  }));
  Graph mixed = graph;
  base::CancelLatch latch(options.cancellation);
  std::size_t count = 0;
  for (const ChannelSet& set : sets) {
    if (channels_of[graph.nodes[set.readers.front()].inputs[0]] == 0) continue;
    const std::optional<Mixing> mixing = best_mixing(graph, set, products_read(graph, set, products), &latch);
    if (latch.seen()) return base::cancelled_error();
    if (!mixing) continue;
    apply_mixing(set, *mixing, mixed);
    ++count;
  }
  if (count == 0) return Changed{};
  return Changed{std::move(mixed), count};
}

// The sets of which a layer reads fewer than 8 bits; all of them where they are asked for at any width, or where
// weights have 8 bits too.
Result<std::vector<ChannelSet>> sets_to_equalize(const Graph& graph, const QuantizeOptions& options) {
  std::vector<ChannelSet> sets = scalable_sets(graph, find_live(graph));
  if (options.equalization == Preparation::kOn || !asks_for_fewer_bits(options)) return sets;
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, find_live(graph), options));
  const auto has_few_bits = [&](const ChannelSet& set) {
    return std::any_of(set.readers.begin(), set.readers.end(),
                       [&](std::size_t n) { return bits.activation_bits[index(graph.nodes[n].inputs[0])] < kMaxBits; });
  };
  sets.erase(std::remove_if(sets.begin(), sets.end(), [&](const ChannelSet& set) { return !has_few_bits(set); }),
             sets.end());
  return sets;
}

Result<Changed> equalize(const Graph& graph, const Observations& observations, Activations& /*activations*/,
                         const QuantizeOptions& options) {
  NARROW_ASSIGN(const std::vector<ChannelSet> sets, sets_to_equalize(graph, options));
  if (sets.empty()) return Changed{};
  Graph equalized = graph;
  for (const ChannelSet& set : sets) {
    NARROW_TRY(base::check_cancelled(options.cancellation));
    const std::vector<float> factors = equalization_factors(graph, set, observations);
    if (!factors.empty()) apply_factors(set, factors, equalized);
  }
  return Changed{std::move(equalized), sets.size()};
}

struct Step {
  Preparation QuantizeOptions::*when;
  Result<Changed> (*change)(const Graph& graph, const Observations& observations, Activations& activations,
                            const QuantizeOptions& options);
  // Of the divergence without the step: it has to be less with it.
  double most_divergence;
  const char* progress;
  const char* done;  // after the number of tensors
  const char* left;
};

// A copy is a step at run time, which has to be worth its time.
constexpr std::array kPreparations = {
    Step{&QuantizeOptions::channel_mixing, mix, 1.1, "comparing with mixed channels, network",
         " tensors, or sets of tensors, have mixed channels", "channels are not mixed"},
    Step{&QuantizeOptions::equalization, equalize, 1, "comparing with equalized channels, network",
         " tensors, or sets of tensors, have equalized channels", "channels are not equalized"},
    Step{&QuantizeOptions::residual_copies, copy_residuals, 0.95, "comparing with copies of residual tensors, network",
         " residual tensors keep 8 bits, and layers read copies of fewer",
         "residual tensors have the bits of the layers that read them"},
};

class Preparing {
 public:
  Preparing(const Graph& graph, Observations observations, Activations& activations, const QuantizeOptions& options)
      : graph_(graph), activations_(activations) {
    network_.observations = std::move(observations);
    network_.options = options;
  }

  Status run() {
    for (const Step& step : kPreparations) NARROW_TRY(take(step));
    return {};
  }

  Result<double> divergence_now() {
    if (!divergence_) {
      NARROW_ASSIGN(divergence_, divergence(current(), network_.observations, activations_, network_.options));
    }
    return *divergence_;
  }

  // Afterwards this is empty, and `activations` run the network.
  PreparedNetwork take_network() {
    activations_.run_on(current());
    return std::move(network_);
  }

 private:
  [[nodiscard]] const Graph& current() const { return network_.graph ? *network_.graph : graph_; }

  Status take(const Step& step) {
    const QuantizeOptions& options = network_.options;
    const Preparation when = options.*step.when;
    if (when == Preparation::kOff ||
        (when == Preparation::kAuto && !asks_for_fewer_bits(options) && !rounds_by_output(options)))
      return {};
    NARROW_ASSIGN(Changed changed, step.change(current(), network_.observations, activations_, options));
    if (!changed.graph) return {};
    auto graph = std::make_unique<const Graph>(std::move(*changed.graph));
    std::string reason;
    std::optional<double> with;
    if (when == Preparation::kAuto) {
      say_progress(step, 0);
      NARROW_TRY(divergence_now());
      say_progress(step, 1);
    }
    QuantizeOptions changed_options = options;
    for (LayerBits& layer : changed_options.layer_activation_bits) {
      if (const auto copy = changed.copies.find(layer.layer); copy != changed.copies.end()) layer.layer = copy->second;
    }
    activations_.run_on(*graph);
    NARROW_ASSIGN(Observations observed, observe(activations_, options.observer));
    if (when == Preparation::kAuto) {
      NARROW_ASSIGN(with, divergence(*graph, observed, activations_, changed_options));
      say_progress(step, 2);
      reason = " (divergence of the answers " + number(*with) + " that way, " + number(*divergence_) + " otherwise)";
      if (!(*with < *divergence_ * step.most_divergence)) {
        activations_.run_on(current());
        network_.log.push_back({Event::Kind::kSummary, kPreparation, step.left + reason});
        return {};
      }
    }
    network_.log.push_back({Event::Kind::kSummary, kPreparation, std::to_string(changed.count) + step.done + reason});
    network_.graph = std::move(graph);
    network_.options = std::move(changed_options);
    network_.observations = std::move(observed);
    divergence_ = with;
    return {};
  }

  void say_progress(const Step& step, std::size_t done) const {
    if (network_.options.progress) network_.options.progress(step.progress, done, 2);
  }

  const Graph& graph_;
  Activations& activations_;
  PreparedNetwork network_;
  std::optional<double> divergence_;  // of the network as it is now; nothing: not measured yet
};

// Whether it depends on the network how weights are rounded. Most networks lose nothing at 8 bits, whatever the
// rounding, and are spared the time.
bool may_round_either_way(const QuantizeOptions& options) {
  return options.rounding == RoundingKind::kAuto && !asks_for_fewer_bits(options) && options.effort != Effort::kFast;
}

// At 8 bits rounding by outputs may follow the images at hand, and gain by preparations only. So both are compared as a
// whole: nearest integers in the network as it is, and rounding by outputs in the prepared one.
Result<PreparedNetwork> prepare_for_either_rounding(const Graph& graph, Observations observations,
                                                    Activations& activations, const QuantizeOptions& options) {
  QuantizeOptions with = options;
  with.rounding = RoundingKind::kNearest;
  Preparing to_nearest(graph, observations, activations, with);
  NARROW_TRY(to_nearest.run());
  NARROW_ASSIGN(const double nearest, to_nearest.divergence_now());
  if (nearest <= kCloseEnough) return to_nearest.take_network();
  with.rounding = RoundingKind::kOutputError;
  activations.run_on(graph);
  Preparing to_outputs(graph, std::move(observations), activations, with);
  NARROW_TRY(to_outputs.run());
  NARROW_ASSIGN(const double by_outputs, to_outputs.divergence_now());
  const bool is_closer = by_outputs < nearest;
  PreparedNetwork network = is_closer ? to_outputs.take_network() : to_nearest.take_network();
  const char* const said =
      is_closer ? "weights are rounded by the error of outputs at 8 bits too" : "weights are rounded to the nearest";
  network.log.insert(network.log.begin(),
                     {Event::Kind::kSummary, kPreparation,
                      std::string(said) + " (divergence of the answers " + number(by_outputs) +
                          " by outputs in the prepared network, " + number(nearest) + " to the nearest as it is)"});
  return network;
}

}  // namespace

Result<PreparedNetwork> prepare_network(const Graph& graph, std::vector<std::optional<Observation>> observations,
                                        Activations& activations, const QuantizeOptions& options) {
  if (may_round_either_way(options)) {
    return prepare_for_either_rounding(graph, std::move(observations), activations, options);
  }
  Preparing preparing(graph, std::move(observations), activations, options);
  NARROW_TRY(preparing.run());
  return preparing.take_network();
}

}  // namespace narrow::graph
