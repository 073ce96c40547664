#include "pipeline/study_weights.h"

#include <algorithm>
#include <cmath>

#include "base/exact_math.h"
#include "pipeline/power.h"

namespace narrow {
inline namespace v0 {
namespace {

using graph::Filter;
using graph::Graph;
using graph::Node;
using graph::QuantizedFilter;

// Calls visit(index of the weight, output channel, channel of the input) for every weight.
template <class Visit>
void for_each_weight(const LayerPair& pair, std::size_t count, const Visit& visit) {
  std::int64_t outputs = 1;
  std::int64_t inputs = pair.model->value(pair.layer->inputs[0]).shape.channels;
  std::int64_t groups = 1;
  if (const auto* convolution = std::get_if<graph::Convolution>(&pair.layer->op)) {
    outputs = convolution->out_channels;
    groups = convolution->groups;
  } else {
    outputs = std::get<graph::Linear>(pair.layer->op).out_features;
  }
  const std::int64_t of_filter = static_cast<std::int64_t>(count) / outputs;
  const std::int64_t channels = inputs / groups;
  for (std::int64_t o = 0; o < outputs; ++o) {
    const std::int64_t first = o / (outputs / groups) * channels;
    for (std::int64_t i = 0; i < of_filter; ++i) {
      visit(static_cast<std::size_t>(o * of_filter + i), static_cast<std::size_t>(o),
            static_cast<std::size_t>(first + i % channels));
    }
  }
}

double factor(const ChannelFactors& factors, std::size_t channel) {
  return factors.is_scaled && channel < factors.of_channel.size() ? factors.of_channel[channel] : 1.0;
}

float input_scale(const Graph& graph, const Node& node) {
  const auto& quantization = graph.value(node.inputs[0]).quantization;
  return quantization ? quantization->scale : 1.0F;
}

// The biases of a layer in real numbers, [out_channels].
std::vector<double> real_bias(const Graph& graph, const Node& node) {
  const Filter& filter = *graph::filter_of(node);
  if (!filter.quantized) return {filter.bias.begin(), filter.bias.end()};
  const double scale = input_scale(graph, node);
  std::vector<double> bias;
  for (std::size_t c = 0; c < filter.quantized->bias.size(); ++c) {
    bias.push_back(filter.quantized->bias[c] * scale * filter.quantized->scales[c]);
  }
  return bias;
}

std::size_t filter_size(const Filter& filter) {
  return filter.quantized ? filter.quantized->weight_count() : filter.weights.size();
}

}  // namespace

BinnedCounts bins_on_grid(const QRange& range) {
  constexpr double kBins = 128;
  const double levels = static_cast<double>(range.steps() + 1);
  const double width = levels > kBins ? std::ceil(levels / kBins) : 1.0 / std::floor(kBins / levels);
  const double margin = std::ceil(0.1 * levels / width) * width;
  BinnedCounts bins;
  bins.first = range.lo - 0.5 - margin;
  bins.width = width;
  bins.counts.resize(static_cast<std::size_t>(std::ceil((levels + 2 * margin) / width)));
  return bins;
}

BinnedCounts bins_of_levels(const QRange& range) {
  return {.first = range.lo - 0.5, .width = 1, .counts = std::vector<std::uint64_t>(range.steps() + 1)};
}

void count(BinnedCounts& bins, double level) {
  const double last = static_cast<double>(bins.counts.size() - 1);
  const double bin = std::floor((level - bins.first) / bins.width);
  ++bins.counts[static_cast<std::size_t>(bin > 0 ? std::min(bin, last) : 0.0)];
}

bool has_integers(const graph::Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    const Filter* filter = graph::filter_of(node);
    return filter != nullptr && filter->quantized;
  });
}

bool have_weights_alike(const Node& layer, const Node& counterpart) {
  const Filter* a = graph::filter_of(layer);
  const Filter* b = graph::filter_of(counterpart);
  if (a == nullptr || b == nullptr || layer.op.index() != counterpart.op.index()) return false;
  if (const auto* convolution = std::get_if<graph::Convolution>(&layer.op)) {
    if (convolution->groups != std::get<graph::Convolution>(counterpart.op).groups) return false;
  }
  return filter_size(*a) == filter_size(*b);
}

std::vector<float> real_weights(const Filter& filter) {
  if (!filter.quantized) return {filter.weights.begin(), filter.weights.end()};
  std::vector<std::int8_t> buffer;
  const std::span<const std::int8_t> integers = filter.quantized->integers(buffer);
  const std::vector<float>& scales = filter.quantized->scales;
  const std::size_t of_channel = integers.size() / scales.size();
  std::vector<float> reals(integers.size());
  for (std::size_t i = 0; i < reals.size(); ++i) {
    reals[i] = static_cast<float>(integers[i]) * scales[i / of_channel];
  }
  return reals;
}

std::vector<float> reference_weights(const LayerPair& pair) {
  std::vector<float> weights = real_weights(*graph::filter_of(*pair.counterpart));
  if (!pair.input->is_scaled && !pair.output->is_scaled) return weights;
  for_each_weight(pair, weights.size(), [&](std::size_t i, std::size_t out, std::size_t in) {
    weights[i] = static_cast<float>(weights[i] * factor(*pair.output, out) / factor(*pair.input, in));
  });
  return weights;
}

Result<Graph> layer_in_reals(const LayerPair& pair) {
  const Filter& layer = *graph::filter_of(*pair.layer);
  std::vector<float> weights = real_weights(layer);
  if (pair.input->is_scaled || pair.output->is_scaled) {
    for_each_weight(pair, weights.size(), [&](std::size_t i, std::size_t out, std::size_t in) {
      weights[i] = static_cast<float>(weights[i] * factor(*pair.input, in) / factor(*pair.output, out));
    });
  }
  std::vector<float> bias;
  for (const double real : real_bias(*pair.model, *pair.layer)) {
    bias.push_back(static_cast<float>(real / factor(*pair.output, bias.size())));
  }

  Node node = *pair.counterpart;
  const graph::Value& output = pair.reference->value(node.output);
  if (output.quantization) {  // what the reference clamps by its range, this layer clamps too
    const Quantization& q = *output.quantization;
    node.clamp.lo = std::max(node.clamp.lo, q.scale * static_cast<float>(q.range.lo - q.zero_point));
    node.clamp.hi = std::min(node.clamp.hi, q.scale * static_cast<float>(q.range.hi - q.zero_point));
  }
  Filter& filter = *graph::filter_of(node);
  filter = {};
  filter.weights = std::move(weights);
  filter.bias = std::move(bias);
  Graph graph;
  graph.input = graph.add_value("input", pair.reference->value(pair.counterpart->inputs[0]).shape);
  auto added = graph.add_node(node.name, std::move(node.op), {graph.input}, node.clamp);
  if (!added.ok()) return std::move(added).error();
  graph.output = *added;
  return graph;
}

bool has_corrected_bias(const LayerPair& pair) {
  const Filter& layer = *graph::filter_of(*pair.layer);
  if (!layer.quantized) return false;
  const std::vector<double> bias = real_bias(*pair.model, *pair.layer);
  const std::vector<double> reference = real_bias(*pair.reference, *pair.counterpart);
  const double scale = input_scale(*pair.model, *pair.layer);
  for (std::size_t c = 0; c < bias.size() && c < reference.size(); ++c) {
    const double step = scale * layer.quantized->scales[c];
    const double difference = std::abs(bias[c] - reference[c] * factor(*pair.output, c));
    if (difference > 2 * step + 1e-5 * std::abs(bias[c])) return true;
  }
  return false;
}

QuantizedFilter with_bits(const LayerPair& pair, int bits) {
  const Filter& layer = *graph::filter_of(*pair.layer);
  const std::vector<float> weights = reference_weights(pair);
  const std::vector<double> reals = real_bias(*pair.reference, *pair.counterpart);
  const double of_input = input_scale(*pair.model, *pair.layer);
  const std::size_t channels = layer.quantized->scales.size();
  const std::size_t of_channel = weights.size() / channels;
  QuantizedFilter filter;
  filter.range = QRange::weights(bits);
  filter.scales.resize(channels);
  filter.bias.resize(channels);
  std::vector<std::int8_t> integers(weights.size());
  for (std::size_t c = 0; c < channels; ++c) {
    const std::span<const float> of = std::span(weights).subspan(c * of_channel, of_channel);
    float largest = 0;
    for (const float weight : of) largest = std::max(largest, std::abs(weight));
    // A channel whose bias would not fit keeps the scale that it has.
    const float before = layer.quantized->scales[c];
    float scale = largest / static_cast<float>(filter.range.hi);
    const double real = reals[c] * factor(*pair.output, c);
    const double bias = real / (of_input * std::max(scale, 1e-30F));
    constexpr double kLargestBias = 1 << 30;
    if (!(scale > 0) || std::abs(bias) > kLargestBias) scale = before;
    filter.scales[c] = scale;
    filter.bias[c] = static_cast<std::int32_t>(std::nearbyint(real / (of_input * scale)));
    for (std::size_t i = 0; i < of_channel; ++i) {
      const auto level = static_cast<std::int32_t>(std::nearbyint(of[i] / scale));
      integers[c * of_channel + i] = static_cast<std::int8_t>(std::clamp(level, filter.range.lo, filter.range.hi));
    }
  }
  filter.weights = std::move(integers);
  return filter;
}

WeightStudy study_weights(const QuantizedFilter& filter, std::span<const float> reference) {
  std::vector<std::int8_t> buffer;
  const std::span<const std::int8_t> integers = filter.integers(buffer);
  WeightStudy study;
  study.integers = bins_of_levels(filter.range);
  std::size_t zeros = 0;
  for (const std::int8_t level : integers) {
    count(study.integers, level);
    zeros += level == 0 ? 1 : 0;
  }
  study.zeros = static_cast<double>(zeros) / static_cast<double>(integers.size());
  if (reference.empty()) return study;
  study.reals = bins_on_grid(filter.range);
  Power power;
  const std::size_t of_channel = integers.size() / filter.scales.size();
  for (std::size_t i = 0; i < integers.size(); ++i) {
    const double scale = filter.scales[i / of_channel];
    count(*study.reals, reference[i] / scale);
    const double error = reference[i] - scale * integers[i];
    power.signal += double{reference[i]} * reference[i];
    power.noise += error * error;
  }
  study.sqnr_db = power.decibels();
  return study;
}

double headroom_bits(const QuantizedFilter& filter, const Quantization& input) {
  std::vector<std::int8_t> buffer;
  const std::span<const std::int8_t> integers = filter.integers(buffer);
  const std::size_t of_channel = integers.size() / filter.scales.size();
  const std::int64_t lowest = input.range.lo - input.zero_point;
  const std::int64_t highest = input.range.hi - input.zero_point;
  std::int64_t largest = 1;
  for (std::size_t c = 0; c < filter.scales.size(); ++c) {
    std::int64_t low = filter.bias[c];
    std::int64_t high = filter.bias[c];
    for (const std::int8_t weight : integers.subspan(c * of_channel, of_channel)) {
      low += std::min(weight * lowest, weight * highest);
      high += std::max(weight * lowest, weight * highest);
    }
    largest = std::max({largest, -low, high});
  }
  return 31 - base::exact_math::log(static_cast<double>(largest)) / base::exact_math::log(2);
}

}  // namespace v0
}  // namespace narrow
