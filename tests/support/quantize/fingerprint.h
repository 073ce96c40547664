// What is compared of quantized networks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/ir.h"

namespace narrow::testing {

// Everything that a model file would say about layers and tensors.
inline std::string fingerprint(const graph::Graph& graph) {
  std::string text;
  for (const graph::Value& value : graph.values) {
    if (!value.quantization) continue;
    text += value.name + std::to_string(double{value.quantization->scale} * 1e9) + ' ';
  }
  for (const graph::Node& node : graph.nodes) {
    const graph::Filter* filter = graph::filter_of(node);
    if (filter == nullptr || !filter->quantized) continue;
    std::vector<std::int8_t> buffer;
    for (const std::int8_t w : filter->quantized->integers(buffer)) text += std::to_string(w) + ' ';
    for (const float s : filter->quantized->scales) text += std::to_string(double{s} * 1e9) + ' ';
    for (const std::int32_t b : filter->quantized->bias) text += std::to_string(b) + ' ';
  }
  return text;
}

// The same quantizations, and the same integers of layers.
inline bool same_integers(const graph::Graph& a, const graph::Graph& b) {
  if (a.nodes.size() != b.nodes.size()) return false;
  for (std::size_t v = 0; v < a.values.size(); ++v) {
    if (a.values[v].quantization != b.values[v].quantization) return false;
  }
  for (std::size_t n = 0; n < a.nodes.size(); ++n) {
    const graph::Filter* x = graph::filter_of(a.nodes[n]);
    const graph::Filter* y = graph::filter_of(b.nodes[n]);
    if (x == nullptr || !x->quantized) continue;
    if (!(x->quantized->weights == y->quantized->weights) || x->quantized->scales != y->quantized->scales ||
        x->quantized->bias != y->quantized->bias) {
      return false;
    }
  }
  return true;
}

}  // namespace narrow::testing
