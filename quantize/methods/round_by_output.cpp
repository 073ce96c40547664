// Second-order rounding: integer weights whose outputs are closest to the float network's.
#include <algorithm>
#include <cmath>
#include <new>
#include <string>
#include <utility>

#include "base/cancelled.h"
#include "base/parallel.h"
#include "base/try.h"
#include "quantize/held_out.h"
#include "quantize/layer_samples.h"
#include "quantize/methods.h"
#include "quantize/replay.h"
#include "quantize/rounding/clamped_targets.h"
#include "quantize/rounding/covariance.h"
#include "quantize/rounding/problem.h"
#include "quantize/undecided_layers.h"

namespace narrow::graph {
namespace {

// Deeper layers are rounded to the nearest: their covariances would take more than a gigabyte.
constexpr std::size_t kMaxDepth = 6144;
// Of the mean diagonal of H, added to the diagonal: pulls weights to the float ones where the images say little.
constexpr double kDamping = 0.01;

struct Budget {
  std::size_t images = 0;
  std::size_t samples = 0;  // of one layer, over all images
};

Budget budget_of(Effort effort) {
  return effort == Effort::kFast ? Budget{128, std::size_t{1} << 15} : Budget{512, std::size_t{1} << 17};
}

class OutputRounding {
 public:
  OutputRounding(const Context& context, Decisions& decisions, Replay& replay, const Budget& budget)
      : context_(context),
        decisions_(decisions),
        replay_(replay),
        budget_(budget),
        latch_(context.options.cancellation) {
    const DividedImages divided = divide_images(replay.images(), context.activations->images());
    is_fitted_.assign(replay.images(), true);
    if (!reconstructs_blocks(context.options)) return;
    for (const std::size_t image : divided.held_out) is_fitted_[image] = false;
  }

  Status run(const NodeRange& nodes) {
    for (std::size_t n = nodes.first; n < nodes.last; ++n) {
      if (is_undecided_layer(context_, decisions_, n) && is_possible(n)) NARROW_TRY(round(n));
    }
    return {};
  }

  Status run() {
    std::vector<std::size_t> layers;
    for (std::size_t n = 0; n < context_.graph.nodes.size(); ++n) {
      if (is_undecided_layer(context_, decisions_, n) && is_possible(n)) layers.push_back(n);
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
      NARROW_TRY(round(layers[i]));
      if (context_.options.progress) context_.options.progress("rounding, layer", i + 1, layers.size());
    }
    if (!layers.empty()) {
      decisions_.log.push_back({Event::Kind::kSummary, "",
                                "weights and biases of " + std::to_string(layers.size()) +
                                    " layers rounded so that their outputs are closest to the float network's, over " +
                                    std::to_string(fitted_images()) + " images"});
    }
    return {};
  }

 private:
  [[nodiscard]] std::size_t fitted_images() const {
    return static_cast<std::size_t>(std::count(is_fitted_.begin(), is_fitted_.end(), true));
  }

  [[nodiscard]] bool is_possible(std::size_t n) const {
    const LayerSampler sampler(context_.graph, n, 1);
    // Groups that share one scale are no problems of their own.
    const bool is_separable = sampler.groups() == 1 || !context_.options.per_tensor_weights;
    return sampler.depth() <= kMaxDepth && is_separable;
  }

  Status round(std::size_t n) {
    const Filter& filter = *filter_of(context_.graph.nodes[n]);
    const std::size_t depth = LayerSampler(context_.graph, n, 1).depth();
    const LayerSampler sampler(context_.graph, n, std::max(budget_.samples, 16 * depth) / fitted_images() + 1);
    const FilterSetting setting = filter_setting(context_, decisions_, n);
    NARROW_ASSIGN(const FilterLimits limits, filter_limits(filter, setting));
    NARROW_ASSIGN(const CovarianceCounter counter, observe(n, sampler, setting.input));

    const std::size_t rows = sampler.rows();
    const double in_scale = setting.input.scale;
    const double damping = damping_of(sampler);
    std::vector<std::int8_t> weights(filter.weights.size());
    std::vector<double> scales(filter.bias.size());
    std::vector<double> biases(filter.bias.size());
    // One group on all threads, or each group on one.
    const bool is_grouped = sampler.groups() > 1;
    base::parallel_for(sampler.groups(), context_.options.threads, [&](std::size_t g, int) {
      if (latch_.seen()) return;
      Covariances seen = counter.covariances(g);
      RoundingProblem problem = make_problem(filter, limits, in_scale, damping, g * rows, seen);
      problem.latch = &latch_;
      const RoundedRows rounded = solve(std::move(problem), setting.lanes, is_grouped ? 1 : context_.options.threads);
      if (latch_.seen()) return;
      std::copy(rounded.weights.begin(), rounded.weights.end(),
                weights.begin() + static_cast<std::ptrdiff_t>(g * rows * depth));
      for (std::size_t r = 0; r < rows; ++r) {
        double mean = 0;
        for (std::size_t k = 0; k < depth; ++k) mean += rounded.weights[r * depth + k] * seen.input_means[k];
        biases[g * rows + r] = seen.output_means[r] - rounded.scales[r] * mean;
        scales[g * rows + r] = rounded.scales[r] / in_scale;
      }
    });
    NARROW_TRY(latch_.status());
    LayerDecision decision;
    NARROW_ASSIGN(decision.filter, assemble_filter(setting, limits, std::move(weights), scales, biases));
    decision.is_fitted = true;
    decision.dead_channels = limits.dead_channels;
    decisions_.layers[n] = std::move(decision);
    decisions_.log.insert(decisions_.log.end(), limits.log.begin(), limits.log.end());
    return {};
  }

  // Fewer samples say less, above all where there is one of each image, as in a linear layer. Samples of one image are
  // alike: as many count as the square root of their number.
  [[nodiscard]] double damping_of(const LayerSampler& sampler) const {
    const double samples = static_cast<double>(fitted_images()) * std::sqrt(static_cast<double>(sampler.per_image()));
    return kDamping + static_cast<double>(sampler.depth()) / samples;
  }

  Result<CovarianceCounter> observe(std::size_t n, const LayerSampler& sampler, const Quantization& input) {
    const CovarianceShape shape{sampler.groups(), sampler.depth(), sampler.rows()};
    const std::size_t fitting =
        std::max<std::size_t>(1, context_.options.memory_bytes / CovarianceCounter::bytes(shape));
    const std::size_t threads = std::min(fitting, static_cast<std::size_t>(std::max(context_.options.threads, 1)));
    std::vector<CovarianceCounter> counters;
    counters.reserve(threads);
    const double unit = output_unit(n);
    for (std::size_t i = 0; i < threads; ++i) {
      NARROW_TRY(base::check_cancelled(context_.options.cancellation));
      counters.emplace_back(shape, unit, &latch_);
    }
    std::vector<LayerSamples> samples(threads);
    const Node& node = context_.graph.nodes[n];
    const Filter& filter = *filter_of(node);
    const ClampedLayer layer{sampler.groups(),
                             sampler.depth(),
                             sampler.rows(),
                             filter.weights,
                             filter.bias,
                             node.clamp,
                             corrected_share(bits_for(input.range), context_.bits.weight_bits[n])};
    const auto visitor = [&](std::size_t image, int slot, std::span<const float> reads,
                             std::span<const float> target) -> Status {
      NARROW_TRY(base::check_cancelled(context_.options.cancellation));
      if (!is_fitted_[image]) return {};
      LayerSamples& taken = samples[static_cast<std::size_t>(slot)];
      sampler.take(image, input, reads, target, taken);
      aim_behind_clamp(layer, input.scale, taken.inputs, taken.count, taken.outputs);
      counters[static_cast<std::size_t>(slot)].observe(taken.inputs, taken.outputs, taken.count);
      return latch_.status();
    };
    NARROW_TRY(replay_.visit(n, decisions_, static_cast<int>(threads), visitor));
    for (CovarianceCounter& counter : counters) counter.finish();
    for (std::size_t i = 1; i < threads && !latch_.seen(); ++i) counters[0].merge(counters[i]);
    NARROW_TRY(latch_.status());
    return std::move(counters[0]);
  }

  // Small beside the layer's outputs before its clamp, of which only those after it were observed.
  [[nodiscard]] double output_unit(std::size_t n) const {
    const Node& node = context_.graph.nodes[n];
    const auto largest = [](const Observation& seen) {
      return std::max(std::abs(double{seen.min}), std::abs(double{seen.max}));
    };
    const Filter& filter = *filter_of(node);
    const double input = largest(*context_.observations[static_cast<std::size_t>(node.inputs[0])]);
    const std::size_t depth = filter.weights.size() / filter.bias.size();
    double bound = 0;
    for (std::size_t c = 0; c < filter.bias.size(); ++c) {
      double sum = 0;
      for (std::size_t k = 0; k < depth; ++k) sum += std::abs(double{filter.weights[c * depth + k]});
      bound = std::max(bound, sum * input + std::abs(double{filter.bias[c]}));
    }
    const double observed = largest(*context_.observations[static_cast<std::size_t>(node.output)]);
    return std::max({observed, bound * 0x1p-12, 1e-30}) * 0x1p-24;
  }

  // first: the group's first output channel. Takes the products out of `seen`.
  static RoundingProblem make_problem(const Filter& filter, const FilterLimits& limits, double in_scale, double damping,
                                      std::size_t first, Covariances& seen) {
    RoundingProblem problem;
    problem.depth = seen.input_means.size();
    problem.rows = seen.output_means.size();
    problem.range = limits.range;
    problem.gram = std::move(seen.gram);
    problem.cross = std::move(seen.cross);
    double diagonal = 0;
    for (std::size_t k = 0; k < problem.depth; ++k) diagonal += problem.gram[k * problem.depth + k];
    const double added = std::max(diagonal / static_cast<double>(problem.depth), 1e-12) * damping;
    for (std::size_t k = 0; k < problem.depth; ++k) problem.gram[k * problem.depth + k] += added;
    for (std::size_t i = 0; i < problem.rows * problem.depth; ++i) {
      problem.start.push_back(double{filter.weights[first * problem.depth + i]} * in_scale);
      problem.cross[i] += problem.start[i] * added;
    }
    for (std::size_t r = 0; r < problem.rows; ++r) problem.least.push_back(limits.least_scales[first + r] * in_scale);
    problem.one_scale = limits.one_scale;
    return problem;
  }

  const Context& context_;
  Decisions& decisions_;
  Replay& replay_;
  Budget budget_;
  std::vector<bool> is_fitted_;  // by image of the replay: whether layers are fitted to it
  base::CancelLatch latch_;
};

Error out_of_memory() {
  return {ErrorCode::kLimit, "rounding by the error of outputs does not fit into memory; try rounding to nearest",
          "rounding"};
}

}  // namespace

bool rounds_by_output(const QuantizeOptions& options) {
  if (options.rounding != RoundingKind::kAuto) return options.rounding == RoundingKind::kOutputError;
  return asks_for_fewer_bits(options);
}

bool asks_for_fewer_bits(const QuantizeOptions& options) {
  const auto has_fewer = [](const std::vector<LayerBits>& layers) {
    return std::any_of(layers.begin(), layers.end(), [](const LayerBits& layer) { return layer.bits < 8; });
  };
  return options.weight_bits < 8 || options.activation_bits < 8 || has_fewer(options.layer_weight_bits) ||
         has_fewer(options.layer_activation_bits);
}

Status round_by_output(const Context& context, Decisions& decisions, Replay& replay, const NodeRange& nodes) {
  try {
    return OutputRounding(context, decisions, replay, budget_of(context.options.effort)).run(nodes);
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

Status round_by_output(const Context& context, Decisions& decisions) {
  if (context.activations == nullptr) return {};  // only observations are known
  const Budget budget = budget_of(context.options.effort);
  NARROW_ASSIGN(Replay replay,
                Replay::create(context, {.images = budget.images, .memory_bytes = context.options.memory_bytes}));
  try {
    return OutputRounding(context, decisions, replay, budget).run();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

}  // namespace narrow::graph
