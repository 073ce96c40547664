#include "quantize/equalize.h"

#include <algorithm>
#include <cmath>

namespace narrow::graph {

std::vector<float> equalization_factors(const Graph& graph, const ChannelSet& tensors,
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

void apply_factors(const ChannelSet& tensors, const std::vector<float>& factors, Graph& graph) {
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
