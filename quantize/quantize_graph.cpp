#include "quantize/quantize_graph.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "graph/liveness.h"
#include "quantize/bit_plan.h"
#include "quantize/build.h"
#include "quantize/calibrate.h"
#include "quantize/fit_to_training.h"
#include "quantize/methods.h"
#include "quantize/mixed_bits.h"
#include "quantize/narrow_copies.h"
#include "quantize/prepare_network.h"
#include "quantize/quantizable.h"

namespace narrow::graph {

using base::in_quotes;

namespace {

WeightReport report_of(const Context& context, const Decisions& decisions, std::size_t n) {
  WeightReport report;
  report.layer = context.graph.nodes[n].name;
  report.bits = kFloatBits;
  const auto& layer = decisions.layers[n];
  if (!layer) return report;
  const auto [min, max] = std::minmax_element(layer->filter.scales.begin(), layer->filter.scales.end());
  report.bits = layer->is_pre_quantized ? bits_for(layer->filter.range) : context.bits.weight_bits[n];
  report.scale_min = *min;
  report.scale_max = *max;
  report.dead_channels = layer->dead_channels;
  report.raised_bias_channels = layer->raised_bias_channels;
  return report;
}

TensorReport report_of(const Context& context, const Graph& built, const BuiltTensor& tensor) {
  const Value& value = built.value(tensor.id);
  const Observation& seen = *context.observations[index(tensor.of)];
  const int bits =
      tensor.is_pre_quantized ? bits_for(value.quantization->range) : context.bits.activation_bits[index(tensor.of)];
  return {value.name, seen.min, seen.max, *value.quantization, bits};
}

// What runs in float32, wholly or in its results.
void log_float_parts(const Context& context, std::vector<Event>& log) {
  const auto note = [&log](const Node& node, const std::string& text) {
    log.push_back({Event::Kind::kNote, node.name, in_quotes(node.name) + text});
  };
  std::vector<bool> is_summed(context.graph.values.size(), false);
  int sums = 0;
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    const auto& summed = context.representations.nodes[n].summed;
    if (!summed) continue;
    is_summed[index(context.graph.nodes[n].inputs[*summed])] = true;
    ++sums;
  }
  if (sums > 0) {
    log.push_back({Event::Kind::kSummary, "",
                   std::to_string(sums) + (sums == 1 ? " convolution is" : " convolutions are") +
                       " added to a residual before the sum is rounded"});
  }
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    const Node& node = context.graph.nodes[n];
    const NodeRepresentations& representations = context.representations.nodes[n];
    if (representations.sums_to_float && is_summed[index(node.output)]) continue;
    if (representations.sums_to_float) {
      note(node, node.output == context.graph.output
                     ? " writes float32 scores from its int32 accumulators"
                     : " writes float32 from its int32 accumulators, as its readers take only that");
    } else if (representations.in_float && filter_of(node) != nullptr) {
      note(node, " stays in float");
    } else if (representations.in_float && context.bits.in_float[n]) {
      note(node, " (" + std::string(op_name(node.op)) + ") runs in float32: it computes the scores");
    } else if (representations.in_float && is_float_only(node.op)) {
      note(node, " (" + std::string(op_name(node.op)) + ") runs in float32: it has no integer implementation");
    }
  }
}

QuantizeReport report_of(const Context& context, Decisions decisions, BuiltGraph& built) {
  QuantizeReport report;
  for (const BuiltTensor& tensor : built.integers) {
    if (context.observations[index(tensor.of)]) report.tensors.push_back(report_of(context, built.graph, tensor));
  }
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    if (!context.live.nodes[n] || filter_of(context.graph.nodes[n]) == nullptr) continue;
    report.weights.push_back(report_of(context, decisions, n));
  }
  for (const auto& observation : context.observations) {
    if (observation) report.pictures = std::max<std::size_t>(report.pictures, observation->images);
  }
  report.events = context.bits.log;
  log_float_parts(context, report.events);
  std::move(built.log.begin(), built.log.end(), std::back_inserter(report.events));
  std::move(decisions.log.begin(), decisions.log.end(), std::back_inserter(report.events));
  return report;
}

// fitted: decisions are made about it, and taken back to `graph`; null: about `graph` itself.
Result<QuantizedGraph> quantize_graph(const Graph& graph, const std::vector<std::optional<Observation>>& observations,
                                      Activations* activations, const QuantizeOptions& options,
                                      const FittedNetwork* fitted = nullptr) {
  NARROW_TRY(validate(graph));
  const Liveness live = find_live(graph);
  NARROW_TRY(check_quantizable(graph, live, observations));
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, live, options));
  NARROW_ASSIGN(const RepresentationPlan representations,
                plan_representations(graph, live, bits.in_float, bits.writes_float));
  const ValueMap<int> producer = producers(graph);
  const Context context{graph, live, bits, representations, observations, options, producer, activations};
  QuantizeOptions of_fitted = options;
  if (options.per_tensor_weights) of_fitted.correct_bias = false;  // take_back() rounds anew, and corrects then
  const Context fitted_context{fitted == nullptr ? graph : fitted->graph,
                               live,
                               bits,
                               representations,
                               observations,
                               of_fitted,
                               producer,
                               activations};
  NARROW_ASSIGN(Decisions decisions, decide(fitted == nullptr ? context : fitted_context));
  if (fitted != nullptr) NARROW_TRY(take_back(context, *fitted, decisions));
  NARROW_ASSIGN(BuiltGraph built, build(graph, live, representations, decisions));
  QuantizeReport report = report_of(context, std::move(decisions), built);
  return QuantizedGraph{std::move(built.graph), std::move(report)};
}

// Whether the goal is a share of answers, which may be 0.
bool is_share(const BitGoal& goal) { return goal.max_weight_bytes == 0 && goal.max_milliseconds == 0; }

Status check_goal(const QuantizeOptions& options) {
  if (!options.goal) return {};
  const auto wrong = [](const char* message) { return Error{ErrorCode::kInvalidArgument, message, "goal"}; };
  const BitGoal& goal = *options.goal;
  if (!(goal.max_changed >= 0 && goal.max_changed <= 1)) return wrong("a share of images is from 0 to 1");
  if (!(goal.max_milliseconds >= 0)) return wrong("a time is a number of milliseconds");
  const int goals =
      (goal.max_weight_bytes > 0 ? 1 : 0) + (goal.max_changed > 0 ? 1 : 0) + (goal.max_milliseconds > 0 ? 1 : 0);
  if (goals > 1) return wrong("give a size, a time or a share of images, only one of them");
  if (options.layer_weight_bits.empty() && options.layer_activation_bits.empty()) return {};
  return wrong("bits of layers are chosen; none can be given");
}

// Whether preparations are worth it is decided by images.
Status check_options_without_images(const QuantizeOptions& options) {
  const auto refuse = [](const char* what, const char* where) {
    return Error{ErrorCode::kInvalidArgument, std::string("without images ") + what + "; give images, or leave it out",
                 where};
  };
  if (options.equalization == Preparation::kOn) return refuse("channels can't be equalized", "equalize");
  if (options.channel_mixing == Preparation::kOn) return refuse("channels can't be mixed", "mix channels");
  if (options.residual_copies == Preparation::kOn) return refuse("layers get no narrow copies", "residual copies");
  if (!options.per_tensor_weights) return {};
  // One scale for all channels of the network is another than that of the copy, so that what was rounded there is lost.
  if (options.rounding == RoundingKind::kOutputError) {
    return refuse("weights with one scale per layer are rounded to the nearest", "rounding");
  }
  const bool is_trained = reconstructs_blocks(options) || (options.goal && options.effort == Effort::kMax);
  if (is_trained) return refuse("weights with one scale per layer can't be trained", "effort");
  return {};
}

Status check_ranges(const QuantizeOptions& options) {
  if (options.observer == ObserverKind::kPercentile && !(options.percentile >= 50 && options.percentile <= 100)) {
    return Error{ErrorCode::kInvalidArgument, "is from 50 to 100", "percentile"};
  }
  if (options.observer == ObserverKind::kNorm && !(options.norm >= 1 && options.norm <= 10)) {
    return Error{ErrorCode::kInvalidArgument, "is from 1 to 10", "norm"};
  }
  return {};
}

Status check_options(const Graph& graph, const QuantizeOptions& options) {
  NARROW_TRY(check_goal(options));
  NARROW_TRY(check_ranges(options));
  const Liveness live = find_live(graph);
  NARROW_TRY(plan_bits(graph, live, options));
  if (options.goal) NARROW_TRY(check_goal_without_images(graph, live, options));
  return {};
}

struct ChosenBits {
  QuantizeOptions options;  // with them
  BitReport report;
};

// The bits of the goal, if there is one.
Result<ChosenBits> choose_bits(const Graph& graph, const std::vector<std::optional<Observation>>& observations,
                               Activations& activations, const QuantizeOptions& options,
                               const TimeNetwork& time_network) {
  ChosenBits chosen{options, {}};
  if (!options.goal) return chosen;
  NARROW_ASSIGN(MixedBits mixed,
                choose_mixed_bits(graph, find_live(graph), observations, activations, options, time_network));
  chosen.options.weight_bits = chosen.options.activation_bits = kMaxBits;
  chosen.options.layer_weight_bits = std::move(mixed.weights);
  chosen.options.layer_activation_bits = std::move(mixed.activations);
  chosen.report = std::move(mixed.report);
  return chosen;
}

// A width at which preparing the network tells what the goal is about: for a size, the most bits that everything can
// have.
int bits_near_goal(const Graph& graph, const BitGoal& goal) {
  if (goal.max_milliseconds > 0) return 4;
  if (goal.max_weight_bytes == 0) return 6;
  double weights = 0;
  for (const Node& node : graph.nodes) {
    if (const Filter* const filter = filter_of(node)) weights += static_cast<double>(filter->weights.size());
  }
  const double bits = 8 * static_cast<double>(goal.max_weight_bytes) / std::max(weights, 1.0);
  return static_cast<int>(std::clamp(bits, double{kMinBits}, double{kMaxBits}));
}

// Bits are chosen in a prepared network, because one that is not may answer wrong at any bits. The network is prepared
// anew for the bits that were chosen. Leaves `activations` with a network that no longer exists.
Result<ChosenBits> prepare_and_choose_bits(const Graph& graph,
                                           const std::vector<std::optional<Observation>>& observations,
                                           Activations& activations, const QuantizeOptions& options,
                                           const TimeNetwork& time_network) {
  QuantizeOptions near = options;
  near.weight_bits = bits_near_goal(graph, *options.goal);
  near.activation_bits = options.goal->max_weight_bytes > 0 ? kMaxBits : near.weight_bits;
  near.residual_copies = Preparation::kOff;  // bits are chosen for the tensors that the network has
  NARROW_ASSIGN(const PreparedNetwork network, prepare_network(graph, observations, activations, near));
  QuantizeOptions choosing = options;
  // As in all networks that have fewer than 8 bits anywhere.
  if (options.rounding == RoundingKind::kAuto) choosing.rounding = RoundingKind::kOutputError;
  NARROW_ASSIGN(ChosenBits chosen, choose_bits(network.graph ? *network.graph : graph, network.observations,
                                               activations, choosing, time_network));
  // A share of answers holds for the rounding that it was measured with; otherwise 8 bits everywhere may do without.
  if (!is_share(*options.goal)) chosen.options.rounding = options.rounding;
  return chosen;
}

// Leaves `activations` with a network that no longer exists. findings: gets what preparation has to say.
Result<QuantizedGraph> prepare_and_quantize(const Graph& graph, std::vector<std::optional<Observation>> observations,
                                            Activations& activations, const QuantizeOptions& options,
                                            std::vector<Event>& findings) {
  NARROW_ASSIGN(const PreparedNetwork network, prepare_network(graph, std::move(observations), activations, options));
  findings.insert(findings.end(), network.log.begin(), network.log.end());
  const Graph& source = network.graph ? *network.graph : graph;
  return quantize_graph(source, network.observations, &activations, network.options);
}

void put_first(std::vector<Event> findings, std::vector<Event>& events) {
  events.insert(events.begin(), std::move_iterator(findings.begin()), std::move_iterator(findings.end()));
}

}  // namespace

Result<QuantizedGraph> quantize_graph(const Graph& graph, const std::vector<std::optional<Observation>>& observations,
                                      const QuantizeOptions& options) {
  return quantize_graph(graph, observations, nullptr, options);
}

Result<QuantizedGraph> quantize_graph(const Graph& graph, Activations& activations, const QuantizeOptions& given,
                                      const CalibrationExpectations* expected, const TimeNetwork& time_network) {
  const QuantizeOptions options = name_layers_of_copies(given, graph);
  // Options are checked before the minutes of calibration, not after.
  NARROW_TRY(check_options(graph, options));
  NARROW_ASSIGN(auto observations, observe(activations, options.observer));
  std::vector<Event> findings;
  if (expected != nullptr) {
    NARROW_ASSIGN(findings, check_calibration(*expected, activations, observations));
  }
  ChosenBits chosen{options, {}};
  if (options.goal) {
    auto choice = prepare_and_choose_bits(graph, observations, activations, options, time_network);
    activations.run_on(graph);  // after an error too: the prepared network is gone
    NARROW_ASSIGN(chosen, std::move(choice));
  }
  Result<QuantizedGraph> result =
      prepare_and_quantize(graph, std::move(observations), activations, chosen.options, findings);
  activations.run_on(graph);
  NARROW_ASSIGN(QuantizedGraph quantized, std::move(result));
  quantized.report.bits = std::move(chosen.report);
  if (options.effort == Effort::kMax && !reconstructs_blocks(chosen.options)) {
    findings.push_back({Event::Kind::kNote, "", "nothing is trained, because everything has 8 bits"});
  }
  put_first(std::move(findings), quantized.report.events);
  return quantized;
}

Result<QuantizedGraph> quantize_without_images(const Graph& graph, const std::vector<TrainedLayer>& trained,
                                               Activations& noise, const QuantizeOptions& given,
                                               const TimeNetwork& time_network) {
  NARROW_TRY(check_options(graph, given));
  NARROW_TRY(check_options_without_images(given));
  QuantizeOptions options = given;
  if (options.per_tensor_weights) options.rounding = RoundingKind::kNearest;
  if (options.goal && is_share(*options.goal)) {
    return Error{ErrorCode::kInvalidArgument,
                 "how many answers change can't be measured without images; give images, or a size or time instead",
                 "goal"};
  }
  NARROW_ASSIGN(const FittedNetwork fitted,
                fit_to_training(graph, trained, noise, options.memory_bytes, options.threads));
  noise.run_on(fitted.graph);
  NARROW_ASSIGN(const auto observations, observe(noise, options.observer));
  NARROW_ASSIGN(ChosenBits chosen, choose_bits(fitted.graph, observations, noise, options, time_network));
  NARROW_ASSIGN(QuantizedGraph quantized, quantize_graph(graph, observations, &noise, chosen.options, &fitted));
  noise.run_on(graph);
  quantized.report.bits = std::move(chosen.report);
  std::vector<Event> findings;
  findings.push_back({Event::Kind::kWarning, "calibration",
                      "no calibration images: ranges follow the statistics of BatchNorm on images of noise, which is "
                      "weaker; give a few hundred images of the kind that the network shall classify"});
  if (fitted.unknown > 0) {
    findings.push_back({Event::Kind::kWarning, "calibration",
                        "of " + std::to_string(fitted.fitted + fitted.unknown) + " layers " +
                            std::to_string(fitted.unknown) + " have no BatchNorm statistics"});
  }
  put_first(std::move(findings), quantized.report.events);
  return quantized;
}

}  // namespace narrow::graph
