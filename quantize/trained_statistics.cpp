#include "quantize/trained_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace narrow::graph {
namespace {

TrainedLayer of(const std::string& layer, const Filter& filter, const BatchNorm& norm) {
  TrainedLayer trained{layer, norm.beta, {}, {}};
  for (std::size_t c = 0; c < norm.gamma.size(); ++c) {
    const double scale = norm.gamma[c] / std::sqrt(double{norm.variance[c]} + norm.epsilon);
    trained.deviation.push_back(std::abs(norm.gamma[c]));
    trained.bias.push_back(static_cast<float>(norm.beta[c] + (double{filter.bias[c]} - norm.mean[c]) * scale));
  }
  return trained;
}

// A product and a sum with constants of a file, which are written as a BatchNorm without statistics.
bool has_no_statistics(const BatchNorm& norm) {
  const auto all = [](const auto& values, float wanted) {
    return std::all_of(values.begin(), values.end(), [&](float value) { return value == wanted; });
  };
  return norm.epsilon == 0 && all(norm.mean, 0.0F) && all(norm.variance, 1.0F);
}

}  // namespace

bool is_as_trained(const Filter& filter, const TrainedLayer& trained) {
  const base::SharedBuffer<float>& bias = filter.bias;
  if (bias.size() != trained.bias.size()) return false;
  for (std::size_t c = 0; c < bias.size(); ++c) {
    if (std::abs(bias[c] - trained.bias[c]) > 1e-3F * (std::abs(trained.bias[c]) + trained.deviation[c])) return false;
  }
  return true;
}

std::vector<TrainedLayer> trained_statistics(const Graph& graph) {
  std::vector<int> readers(graph.values.size(), 0);
  std::vector<const Node*> producer(graph.values.size(), nullptr);
  for (const Node& node : graph.nodes) {
    for (const ValueId input : node.inputs) ++readers[static_cast<std::size_t>(input)];
    producer[static_cast<std::size_t>(node.output)] = &node;
  }
  std::vector<TrainedLayer> found;
  for (const Node& node : graph.nodes) {
    const auto* norm = std::get_if<BatchNorm>(&node.op);
    if (norm == nullptr || has_no_statistics(*norm)) continue;
    const auto input = static_cast<std::size_t>(node.inputs[0]);
    const Node* layer = producer[input];
    if (layer == nullptr || readers[input] != 1 || !layer->clamp.is_identity()) continue;
    const Filter* filter = filter_of(*layer);
    if (filter == nullptr || filter->bias.size() != norm->gamma.size()) continue;
    found.push_back(of(layer->name, *filter, *norm));
  }
  return found;
}

}  // namespace narrow::graph
