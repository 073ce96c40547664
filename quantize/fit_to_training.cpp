#include "quantize/fit_to_training.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "base/cancelled.h"
#include "base/parallel.h"
#include "base/try.h"
#include "floating/float_executor.h"
#include "graph/liveness.h"
#include "quantize/bit_plan.h"
#include "quantize/undecided_layers.h"

namespace narrow::graph {
namespace {

constexpr std::size_t kMostImages = 256;
constexpr std::size_t kLeastImages = 16;
// A channel that the images hardly move is not blown up: what it would show is noise.
constexpr double kLargestScale = 16;

using Tensor = std::vector<float>;

struct Moments {
  std::vector<double> mean;
  std::vector<double> deviation;
};

class Fitting {
 public:
  Fitting(const Graph& graph, const std::vector<TrainedLayer>& trained, Activations& activations, int threads)
      : live_(find_live(graph)), activations_(activations), threads_(std::max(threads, 1)), readers_(consumers(graph)) {
    network_.graph = graph;
    network_.layers.resize(graph.nodes.size());
    for (const TrainedLayer& layer : trained) trained_.emplace(layer.layer, &layer);
  }

  Result<FittedNetwork> run(std::size_t memory_bytes) {
    const std::size_t fitting = memory_bytes / std::max<std::size_t>(1, largest_live_bytes());
    images_ = std::min(activations_.images(), std::clamp(fitting, kLeastImages, kMostImages));
    NARROW_TRY(read_images());
    const FirstAndLastLayers boundary = find_first_and_last_layers(network_.graph, live_);
    for (std::size_t n = 0; n < network_.graph.nodes.size(); ++n) {
      if (!live_.nodes[n]) continue;
      const TrainedLayer* trained = statistics_of(n);
      NARROW_TRY(compute(n, trained));
      if (trained != nullptr) ++network_.fitted;
      if (trained == nullptr && filter_of(network_.graph.nodes[n]) != nullptr && !boundary.last[n]) ++network_.unknown;
    }
    if (network_.fitted == 0) {
      return Error{ErrorCode::kUnsupported,
                   "the file has no BatchNorm statistics, which quantization without images follows; give images of "
                   "the kind that the network shall classify, or the checkpoint before BatchNorm was folded",
                   "calibration"};
    }
    return std::move(network_);
  }

 private:
  const TrainedLayer* statistics_of(std::size_t n) const {
    const Node& node = network_.graph.nodes[n];
    const Filter* filter = filter_of(node);
    const auto found = trained_.find(node.name);
    if (filter == nullptr || found == trained_.end() || filter->pre_quantized) return nullptr;
    return is_as_trained(*filter, *found->second) ? found->second : nullptr;
  }

  [[nodiscard]] bool is_read_from(ValueId id, std::size_t node) const {
    const std::vector<int>& readers = readers_[id];
    return std::any_of(readers.begin(), readers.end(), [&](int reader) {
      return static_cast<std::size_t>(reader) >= node && live_.nodes[static_cast<std::size_t>(reader)];
    });
  }

  // Of one image: of all tensors that are held at the same time.
  [[nodiscard]] std::size_t largest_live_bytes() const {
    const Graph& graph = network_.graph;
    const auto bytes = [&](ValueId id) {
      return static_cast<std::size_t>(graph.value(id).shape.elems()) * sizeof(float);
    };
    std::vector<ValueId> held = {graph.input};
    std::size_t largest = 0;
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      if (!live_.nodes[n]) continue;
      held.push_back(graph.nodes[n].output);
      std::size_t sum = 0;
      for (const ValueId id : held) sum += bytes(id);
      largest = std::max(largest, sum);
      held.erase(std::remove_if(held.begin(), held.end(), [&](ValueId id) { return !is_read_from(id, n + 1); }),
                 held.end());
    }
    return largest;
  }

  Status read_images() {
    std::vector<Tensor>& inputs = tensors_[network_.graph.input];
    const auto elems = static_cast<std::size_t>(network_.graph.value(network_.graph.input).shape.elems());
    inputs.assign(images_, Tensor(elems));
    std::vector<Status> statuses(images_);
    base::parallel_for(images_, threads_, [&](std::size_t i, int) {
      statuses[i] = activations_.fill(i * activations_.images() / images_, inputs[i]);
    });
    for (Status& status : statuses) NARROW_TRY(std::move(status));
    return {};
  }

  // The output of a node on all images. With statistics the node is fitted to them.
  Status compute(std::size_t n, const TrainedLayer* trained) {
    Node& node = network_.graph.nodes[n];
    const Clamp clamp = node.clamp;
    if (trained != nullptr) node.clamp = {};
    std::vector<FloatExecutor> executors;
    for (int t = 0; t < threads_; ++t) {
      NARROW_ASSIGN(FloatExecutor executor,
                    FloatExecutor::create(
                        network_.graph,
                        {.nodes = {n, n + 1}, .keep = {node.output}, .cancellation = activations_.cancellation()}));
      executors.push_back(std::move(executor));
    }
    node.clamp = clamp;
    std::vector<Tensor> outputs(images_);
    std::vector<Status> statuses(images_);
    base::parallel_for(images_, threads_, [&](std::size_t i, int slot) {
      FloatExecutor& executor = executors[static_cast<std::size_t>(slot)];
      std::vector<Feed> feeds;
      for (const ValueId id : executor.inputs()) feeds.push_back({id, tensors_.at(id)[i]});
      statuses[i] = executor.run(feeds);
      if (!statuses[i].ok()) return;
      const std::span<const float> output = executor.value(node.output);
      outputs[i].assign(output.begin(), output.end());
    });
    for (Status& status : statuses) NARROW_TRY(std::move(status));
    if (trained != nullptr) {
      NARROW_ASSIGN(const Moments seen, moments_of(outputs, trained->mean.size()));
      Fit fit = fit_of(*trained, seen);
      NARROW_TRY(change_outputs(fit, clamp, outputs));
      change_filter(fit, *filter_of(node));
      network_.layers[n] = std::move(fit);
    }
    tensors_[node.output] = std::move(outputs);
    for (auto it = tensors_.begin(); it != tensors_.end();) {
      it = is_read_from(it->first, n + 1) ? std::next(it) : tensors_.erase(it);
    }
    return {};
  }

  // Sums of one image have a fixed order, and so have those of all.
  [[nodiscard]] Result<Moments> moments_of(const std::vector<Tensor>& outputs, std::size_t channels) const {
    std::vector<Moments> sums(outputs.size());
    base::CancelLatch latch(activations_.cancellation());
    base::parallel_for(outputs.size(), threads_, [&](std::size_t i, int) {
      if (latch.seen()) return;
      Moments& sum = sums[i];
      sum.mean.resize(channels);
      sum.deviation.resize(channels);
      for (std::size_t first = 0; first < outputs[i].size(); first += channels) {
        for (std::size_t c = 0; c < channels; ++c) {
          const double value = outputs[i][first + c];
          sum.mean[c] += value;
          sum.deviation[c] += value * value;
        }
      }
    });
    NARROW_TRY(latch.status());
    Moments all{std::vector<double>(channels), std::vector<double>(channels)};
    const std::size_t pixels = outputs[0].size() / channels;
    const double count = static_cast<double>(outputs.size() * pixels);
    for (std::size_t c = 0; c < channels; ++c) {
      double squares = 0;
      for (const Moments& sum : sums) {
        all.mean[c] += sum.mean[c] / count;
        squares += sum.deviation[c] / count;
      }
      all.deviation[c] = std::sqrt(std::max(squares - all.mean[c] * all.mean[c], 0.0));
    }
    return all;
  }

  static Fit fit_of(const TrainedLayer& trained, const Moments& seen) {
    Fit fit;
    for (std::size_t c = 0; c < trained.mean.size(); ++c) {
      const double wanted = trained.deviation[c];
      const double scale = wanted > 0 && seen.deviation[c] > 0
                               ? std::clamp(wanted / seen.deviation[c], 1 / kLargestScale, kLargestScale)
                               : 1.0;
      fit.scale.push_back(scale);
      fit.shift.push_back(double{trained.mean[c]} - scale * seen.mean[c]);
    }
    return fit;
  }

  Status change_outputs(const Fit& fit, const Clamp& clamp, std::vector<Tensor>& outputs) const {
    const std::size_t channels = fit.scale.size();
    base::CancelLatch latch(activations_.cancellation());
    base::parallel_for(outputs.size(), threads_, [&](std::size_t i, int) {
      if (latch.seen()) return;
      for (std::size_t e = 0; e < outputs[i].size(); ++e) {
        const std::size_t c = e % channels;
        const auto value = static_cast<float>(double{outputs[i][e]} * fit.scale[c] + fit.shift[c]);
        outputs[i][e] = std::clamp(value, clamp.lo, clamp.hi);
      }
    });
    return latch.status();
  }

  static void change_filter(const Fit& fit, Filter& filter) {
    std::vector<float>& weights = filter.weights.edit();
    std::vector<float>& biases = filter.bias.edit();
    const std::size_t depth = weights.size() / biases.size();
    for (std::size_t c = 0; c < biases.size(); ++c) {
      biases[c] = static_cast<float>(double{biases[c]} * fit.scale[c] + fit.shift[c]);
      for (std::size_t k = c * depth; k < (c + 1) * depth; ++k) {
        weights[k] = static_cast<float>(double{weights[k]} * fit.scale[c]);
      }
    }
  }

  FittedNetwork network_;
  Liveness live_;
  Activations& activations_;
  int threads_;
  ValueMap<std::vector<int>> readers_;
  std::map<std::string, const TrainedLayer*> trained_;
  std::size_t images_ = 0;
  std::map<ValueId, std::vector<Tensor>> tensors_;  // that are still read, by image
};

// The integers of a filter of the fitted network, for the filter that it was fitted from.
Result<QuantizedFilter> taken_back(const Filter& filter, const FilterSetting& setting, const Fit& fit,
                                   const QuantizedFilter& fitted) {
  NARROW_ASSIGN(const FilterLimits limits, filter_limits(filter, setting));
  std::vector<std::int8_t> weights(fitted.weights.begin(), fitted.weights.end());
  const std::size_t depth = weights.size() / fitted.bias.size();
  std::vector<double> scales;
  std::vector<double> biases;
  for (std::size_t c = 0; c < fitted.bias.size(); ++c) {
    const double unit = double{setting.input.scale} * double{fitted.scales[c]};
    biases.push_back((fitted.bias[c] * unit - fit.shift[c]) / fit.scale[c]);
    const double exact = double{fitted.scales[c]} / fit.scale[c];
    scales.push_back(std::max(exact, limits.least_scales[c]));
    if (scales.back() == exact) continue;
    for (std::size_t k = c * depth; k < (c + 1) * depth; ++k) {
      const double level = std::nearbyint(weights[k] * exact / scales.back());
      weights[k] = static_cast<std::int8_t>(std::clamp(level, double(limits.range.lo), double(limits.range.hi)));
    }
  }
  return assemble_filter(setting, limits, std::move(weights), scales, biases);
}

}  // namespace

Result<FittedNetwork> fit_to_training(const Graph& graph, const std::vector<TrainedLayer>& trained,
                                      Activations& activations, std::size_t memory_bytes, int threads) {
  return Fitting(graph, trained, activations, threads).run(memory_bytes);
}

Status take_back(const Context& context, const FittedNetwork& fitted, Decisions& decisions) {
  for (std::size_t n = 0; n < decisions.layers.size(); ++n) {
    std::optional<LayerDecision>& layer = decisions.layers[n];
    if (!layer || !fitted.layers[n]) continue;
    NARROW_TRY(base::check_cancelled(context.options.cancellation));
    if (context.options.per_tensor_weights) {
      layer.reset();  // with scales of its own for each channel it would not be
      continue;
    }
    FilterSetting setting = filter_setting(context, decisions, n);
    setting.lanes = {};  // the integers are chosen
    NARROW_ASSIGN(layer->filter,
                  taken_back(*filter_of(context.graph.nodes[n]), setting, *fitted.layers[n], layer->filter));
  }
  if (!context.options.per_tensor_weights) return {};
  NARROW_TRY(round_weights(context, decisions));
  return context.options.correct_bias ? correct_biases(context, decisions) : Status();
}

}  // namespace narrow::graph
