#include "quantize/equalize.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace narrow::graph {
namespace {

// Whether the operator scales with each channel of its input and keeps the order of channels: the channel of element i
// stays i modulo the number of channels.
bool keeps_scales(const Node& node) {
  return is<MaxPool, AveragePool, GlobalAveragePool, Pad, Flatten, Identity>(node.op) && node.clamp.is_identity();
}

bool is_depthwise(const Node& node) {
  const auto* convolution = std::get_if<Convolution>(&node.op);
  return convolution != nullptr && convolution->groups > 1 && convolution->groups == convolution->out_channels;
}

bool has_zero(const Clamp& clamp) { return clamp.lo <= 0 && clamp.hi >= 0; }

class Finder {
 public:
  Finder(const Graph& graph, const Liveness& live)
      : graph_(graph), live_(live), producer_(producers(graph)), consumers_(consumers(graph)) {}

  std::vector<Equalizable> run() {
    std::vector<Equalizable> found;
    std::set<ValueId> visited;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (!live_.nodes[n] || filter_of(node) == nullptr || visited.count(node.output) != 0) continue;
      values_ = {};
      writers_ = {};
      readers_ = {};
      const bool is_closed = join(node.output);
      visited.insert(values_.begin(), values_.end());
      if (is_closed && !readers_.empty() && is_uniform()) found.push_back(result());
    }
    return found;
  }

 private:
  // Adds the value and all that has to be scaled with it. False where something else than a layer would see a change;
  // then more may have to be added.
  bool join(ValueId first) {
    std::vector<ValueId> added = {first};
    bool is_closed = true;
    while (!added.empty()) {
      const ValueId value = added.back();
      added.pop_back();
      if (!values_.insert(value).second) continue;
      is_closed =
          value != graph_.output && !graph_.value(value).quantization && add_producer(value, added) && is_closed;
      for (const int consumer : consumers_[value]) {
        is_closed = add_consumer(static_cast<std::size_t>(consumer), added) && is_closed;
      }
    }
    return is_closed;
  }

  bool add_producer(ValueId value, std::vector<ValueId>& added) {
    const int producer = producer_[value];
    if (producer < 0) return false;
    const Node& node = graph_.nodes[static_cast<std::size_t>(producer)];
    if (filter_of(node) != nullptr) {
      writers_.insert(static_cast<std::size_t>(producer));
      return has_own_weights(node) && has_zero(node.clamp);
    }
    added.insert(added.end(), node.inputs.begin(), node.inputs.end());
    return keeps_scales(node) || is_plain_sum(node);
  }

  bool add_consumer(std::size_t n, std::vector<ValueId>& added) {
    const Node& node = graph_.nodes[n];
    if (!live_.nodes[n]) return true;
    if (filter_of(node) != nullptr) {
      readers_.insert(n);
      return has_own_weights(node);
    }
    added.push_back(node.output);
    return keeps_scales(node) || is_plain_sum(node);
  }

  [[nodiscard]] bool has_own_weights(const Node& node) const {
    const Filter& filter = *filter_of(node);
    return !filter.quantized && !filter.pre_quantized && !graph_.value(node.inputs[0]).quantization;
  }

  // Of two tensors of the same shape.
  [[nodiscard]] bool is_plain_sum(const Node& node) const {
    return is<Add>(node.op) && has_zero(node.clamp) &&
           graph_.value(node.inputs[0]).shape == graph_.value(node.inputs[1]).shape;
  }

  // One factor per channel has to do for all.
  [[nodiscard]] bool is_uniform() const {
    const auto channels = [&](std::size_t n) { return filter_of(graph_.nodes[n])->bias.size(); };
    return std::all_of(writers_.begin(), writers_.end(),
                       [&](std::size_t n) { return channels(n) == channels(*writers_.begin()); });
  }

  [[nodiscard]] Equalizable result() const {
    const bool by_channel =
        std::all_of(readers_.begin(), readers_.end(), [&](std::size_t n) { return is_depthwise(graph_.nodes[n]); });
    return {{values_.begin(), values_.end()},
            {writers_.begin(), writers_.end()},
            {readers_.begin(), readers_.end()},
            by_channel};
  }

  const Graph& graph_;
  const Liveness& live_;
  const ValueMap<int> producer_;
  const ValueMap<std::vector<int>> consumers_;
  std::set<ValueId> values_;
  std::set<std::size_t> writers_;
  std::set<std::size_t> readers_;
};

// The filter of a reader, [groups, outputs of a group, weights of one output, input channels of a group].
struct ReadingFilter {
  std::size_t outputs = 0;   // of a group
  std::size_t channels = 0;  // of a group
};

ReadingFilter reading_filter(const Graph& graph, const Node& node) {
  const Filter& filter = *filter_of(node);
  const auto* convolution = std::get_if<Convolution>(&node.op);
  if (convolution == nullptr) return {filter.bias.size(), filter.weights.size() / filter.bias.size()};
  const auto groups = static_cast<std::size_t>(convolution->groups);
  return {filter.bias.size() / groups, static_cast<std::size_t>(graph.value(node.inputs[0]).shape.channels) / groups};
}

}  // namespace

std::vector<Equalizable> equalizable_tensors(const Graph& graph, const Liveness& live) {
  return Finder(graph, live).run();
}

std::vector<float> equalization_factors(const Graph& graph, const Equalizable& tensors,
                                        const std::vector<std::optional<Observation>>& observations) {
  const ValueMap<int> producer = producers(graph);
  const std::size_t channels = filter_of(graph.nodes[tensors.writers.front()])->bias.size();
  std::vector<double> squares(channels);                    // mean, the largest of all tensors
  std::vector<double> limits(channels, kMostEqualization);  // by the clamps
  for (const ValueId value : tensors.values) {
    const auto& seen = observations[index(value)];
    if (!seen || seen->channels.largest.empty() || seen->channel_squares.empty()) return {};
    const Clamp& clamp = graph.nodes[static_cast<std::size_t>(producer[value])].clamp;
    for (std::size_t i = 0; i < seen->channels.largest.size(); ++i) {
      const double largest = seen->channels.largest[i];
      const double smallest = seen->channels.smallest[i];
      const std::size_t c = i % channels;
      squares[c] = std::max(squares[c], double{seen->channel_squares[i]});
      if (largest > 0) limits[c] = std::min(limits[c], double{clamp.hi} / largest);
      if (smallest < 0) limits[c] = std::min(limits[c], double{clamp.lo} / smallest);
    }
  }
  const double largest = *std::max_element(squares.begin(), squares.end());
  std::vector<float> factors;
  for (std::size_t c = 0; c < channels; ++c) {
    double factor = squares[c] > 0 ? std::sqrt(largest / squares[c]) : 1.0;
    // factor^0.75, whose last bit does not depend on a math library.
    if (!tensors.is_read_by_channel) factor = std::sqrt(factor) * std::sqrt(std::sqrt(factor));
    factors.push_back(static_cast<float>(std::max(1.0, std::min(factor, limits[c]))));
  }
  return factors;
}

void apply_factors(const Equalizable& tensors, const std::vector<float>& factors, Graph& graph) {
  for (const std::size_t n : tensors.writers) {
    Filter& filter = *filter_of(graph.nodes[n]);
    std::vector<float>& weights = filter.weights.edit();
    std::vector<float>& biases = filter.bias.edit();
    const std::size_t depth = weights.size() / biases.size();
    for (std::size_t c = 0; c < biases.size(); ++c) {
      biases[c] *= factors[c];
      for (std::size_t k = c * depth; k < (c + 1) * depth; ++k) weights[k] *= factors[c];
    }
  }
  for (const std::size_t n : tensors.readers) {
    const ReadingFilter reading = reading_filter(graph, graph.nodes[n]);
    Filter& filter = *filter_of(graph.nodes[n]);
    std::vector<float>& weights = filter.weights.edit();
    const std::size_t depth = weights.size() / filter.bias.size();
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::size_t group = i / depth / reading.outputs;
      weights[i] /= factors[(group * reading.channels + i % reading.channels) % factors.size()];
    }
  }
}

}  // namespace narrow::graph
