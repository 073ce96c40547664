#include "quantize/sensitivity.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "base/cancelled.h"
#include "base/exact_math.h"
#include "base/parallel.h"
#include "base/try.h"
#include "floating/float_executor.h"
#include "floating/float_functions.h"
#include "quantize/simulate.h"

namespace narrow::graph {
namespace {

constexpr double kSmallestProbability = 1e-12;

double divergence(std::span<const float> expected, std::span<const float> found) {
  double sum = 0;
  for (std::size_t c = 0; c < expected.size(); ++c) {
    const double p = std::max(double{expected[c]}, kSmallestProbability);
    const double q = std::max(double{found[c]}, kSmallestProbability);
    sum += p * (base::exact_math::log(p) - base::exact_math::log(q));
  }
  return std::max(sum, 0.0);
}

std::ptrdiff_t best_of(std::span<const float> values) {
  return std::max_element(values.begin(), values.end()) - values.begin();
}

}  // namespace

std::vector<BitUnit> bit_units(const Context& context) {
  const Graph& graph = context.graph;
  const FirstAndLastLayers boundary = boundary_layers(graph, context.live, context.options);
  std::map<ValueId, BitUnit> units;  // by tensor, so that their order is that of the graph
  std::vector<bool> fixed(graph.values.size(), false);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    const Filter* filter = filter_of(node);
    if (!context.live.nodes[n] || filter == nullptr) continue;
    const ValueId tensor = context.bits.source[index(node.inputs[0])];
    const bool kept = boundary.first[n] || boundary.last[n] || filter->pre_quantized || context.bits.in_float[n] ||
                      graph.value(node.inputs[0]).quantization ||
                      !context.representations.needs_decision[index(tensor)];
    if (kept) {
      fixed[index(tensor)] = true;
      continue;
    }
    BitUnit& unit = units[tensor];
    unit.tensor = tensor;
    unit.name = graph.value(tensor).name;
    unit.layers.push_back(n);
    unit.weights += static_cast<std::int64_t>(filter->weights.size());
  }
  std::vector<BitUnit> result;
  for (auto& [tensor, unit] : units) {
    if (fixed[index(tensor)]) continue;
    for (ValueId id = 0; graph.has(id); ++id) {
      if (context.bits.source[index(id)] == tensor) unit.copies.push_back(id);
    }
    result.push_back(std::move(unit));
  }
  return result;
}

void take_unit(const BitUnit& unit, const Decisions& from, Decisions& mixed) {
  for (const ValueId id : unit.copies) mixed.values[index(id)] = from.values[index(id)];
  for (const std::size_t n : unit.layers) mixed.layers[n] = from.layers[n];
}

Result<AnswerMeter> AnswerMeter::create(const Context& context, std::size_t most_images, float temperature) {
  const std::size_t all = context.activations->images();
  std::vector<std::size_t> images(std::min(all, most_images));
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = i * all / images.size();
  return create_on(context, images, temperature);
}

Result<AnswerMeter> AnswerMeter::create_on(const Context& context, const std::vector<std::size_t>& images,
                                           float temperature) {
  AnswerMeter meter(context, temperature);
  const auto elems = static_cast<std::size_t>(context.graph.value(context.graph.input).shape.elems());
  for (const std::size_t image : images) {
    NARROW_TRY(context.activations->fill(image, meter.inputs_.emplace_back(elems)));
  }
  meter.expected_.resize(images.size());
  NARROW_TRY(meter.run(nullptr, [&](std::size_t i, std::span<const float> scores) {
    meter.expected_[i] = meter.probabilities_of(scores);
  }));
  return meter;
}

Result<AnswerChange> AnswerMeter::measure(const Decisions& decisions) const {
  const Simulation simulation = simulate(context_->graph, context_->representations, decisions);
  std::vector<double> divergences(inputs_.size());
  std::vector<char> changed(inputs_.size());
  NARROW_TRY(run(&simulation, [&](std::size_t i, std::span<const float> scores) {
    const std::vector<float> found = probabilities_of(scores);
    divergences[i] = divergence(expected_[i], found);
    changed[i] = best_of(expected_[i]) != best_of(found) ? 1 : 0;
  }));
  AnswerChange change;
  change.images = inputs_.size();
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    change.divergence += divergences[i] / static_cast<double>(inputs_.size());
    change.changed += changed[i] != 0 ? 1 : 0;
  }
  change.divergences = std::move(divergences);
  return change;
}

bool is_clearly_closer(const AnswerChange& after, const AnswerChange& before) {
  const std::size_t images = std::min(after.divergences.size(), before.divergences.size());
  if (images < 2) return false;
  const auto count = static_cast<double>(images);
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < images; ++i) {
    const double difference = after.divergences[i] - before.divergences[i];
    sum += difference;
    squares += difference * difference;
  }
  const double mean = sum / count;
  const double variance = std::max(squares / count - mean * mean, 0.0) * count / (count - 1);
  return mean < 0 && mean * mean > variance / count;
}

Status AnswerMeter::run(const Simulation* simulation,
                        const std::function<void(std::size_t, std::span<const float>)>& sink) const {
  const Graph& graph = context_->graph;
  const int threads = std::max(1, std::min(context_->options.threads, static_cast<int>(inputs_.size())));
  ExecutorOptions options;
  options.simulate = simulation;
  options.cancellation = context_->options.cancellation;
  std::vector<FloatExecutor> executors;
  for (int slot = 0; slot < threads; ++slot) {
    NARROW_ASSIGN(FloatExecutor executor, FloatExecutor::create(graph, options));
    executors.push_back(std::move(executor));
  }
  const auto classes = static_cast<std::size_t>(graph.value(graph.output).shape.elems());
  std::vector<Status> statuses(inputs_.size());
  base::parallel_for(inputs_.size(), threads, [&](std::size_t i, int slot) {
    std::vector<float> scores(classes);
    statuses[i] = base::check_cancelled(context_->options.cancellation);
    if (statuses[i].ok()) statuses[i] = executors[static_cast<std::size_t>(slot)].run(inputs_[i], scores);
    if (statuses[i].ok()) sink(i, scores);
  });
  for (Status& status : statuses) NARROW_TRY(std::move(status));
  return {};
}

std::vector<float> AnswerMeter::probabilities_of(std::span<const float> scores) const {
  std::vector<float> result(scores.begin(), scores.end());
  if (score_kind(context_->graph) == ScoreKind::kLogits) {
    for (float& score : result) score /= temperature_;
    softmax(result.data(), result.data(), {1, 1, static_cast<std::int64_t>(scores.size())});
  }
  return result;
}

}  // namespace narrow::graph
