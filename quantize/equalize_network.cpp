#include "quantize/equalize_network.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>

#include "base/try.h"
#include "quantize/bit_plan.h"
#include "quantize/calibrate.h"
#include "quantize/equalize.h"
#include "quantize/methods.h"
#include "quantize/sensitivity.h"

namespace narrow::graph {
namespace {

constexpr std::size_t kImages = 64;  // that weights are rounded with for the comparison, and that are compared

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// Some of the images, spread evenly. start: in [0, 1), of the distance between two of them.
CalibrationInputs some_images(Activations& activations, double start) {
  const std::size_t all = activations.images();
  const std::size_t count = std::min(all, kImages);
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
  NARROW_ASSIGN(const AnswerMeter meter, AnswerMeter::create(comparing, kImages));
  NARROW_ASSIGN(const AnswerChange change, meter.measure(decisions));
  return change.divergence;
}

void say_progress(const QuantizeOptions& options, std::size_t done) {
  if (options.progress) options.progress("comparing with equalized channels, network", done, 2);
}

// The tensors to equalize.
Result<std::vector<Equalizable>> wanted_tensors(const Graph& graph, const QuantizeOptions& options) {
  std::vector<Equalizable> wanted;
  if (options.equalization == Equalization::kOff) return wanted;
  if (options.equalization == Equalization::kAuto && !asks_for_fewer_bits(options)) return wanted;
  const Liveness live = find_live(graph);
  NARROW_ASSIGN(const BitPlan bits, plan_bits(graph, live, options));
  for (Equalizable& tensor : equalizable_tensors(graph, live)) {
    const bool has_fewer_bits = std::any_of(tensor.readers.begin(), tensor.readers.end(), [&](std::size_t n) {
      return bits.activation_bits[index(graph.nodes[n].inputs[0])] < kMaxBits;
    });
    if (has_fewer_bits || options.equalization == Equalization::kOn) wanted.push_back(std::move(tensor));
  }
  return wanted;
}

}  // namespace

Result<ObservedNetwork> equalize_network(const Graph& graph, std::vector<std::optional<Observation>> observations,
                                         Activations& activations, const QuantizeOptions& options) {
  ObservedNetwork network;
  NARROW_ASSIGN(const std::vector<Equalizable> tensors, wanted_tensors(graph, options));
  network.observations = std::move(observations);
  if (tensors.empty()) return network;
  auto equalized = std::make_unique<Graph>(graph);
  for (const Equalizable& tensor : tensors) {
    const std::vector<float> factors = equalization_factors(graph, tensor, network.observations);
    if (!factors.empty()) apply_factors(tensor, factors, *equalized);
  }
  std::string reason;
  double without = 0;
  if (options.equalization == Equalization::kAuto) {
    say_progress(options, 0);
    NARROW_ASSIGN(without, divergence(graph, network.observations, activations, options));
    say_progress(options, 1);
  }
  activations.run_on(*equalized);
  NARROW_ASSIGN(auto observed, observe(activations, options.observer));
  if (options.equalization == Equalization::kAuto) {
    NARROW_ASSIGN(const double with, divergence(*equalized, observed, activations, options));
    say_progress(options, 2);
    reason = " (divergence of the answers " + number(with) + " if they are, " + number(without) + " if not)";
    if (!(with < without)) {
      activations.run_on(graph);
      network.log.push_back({Event::Kind::kSummary, "", "channels are not equalized" + reason});
      return network;
    }
  }
  network.log.push_back(
      {Event::Kind::kSummary, "",
       "channels of " + std::to_string(tensors.size()) + " tensors, or sets of tensors, are equalized" + reason});
  network.equalized = std::move(equalized);
  network.observations = std::move(observed);
  return network;
}

}  // namespace narrow::graph
