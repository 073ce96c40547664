#include "quantize/decisions.h"

namespace narrow::graph {

Decisions undecided(const Graph& graph) {
  Decisions decisions;
  decisions.values.resize(graph.values.size());
  decisions.layers.resize(graph.nodes.size());
  return decisions;
}

std::optional<Quantization> integer_quantization(const Graph& graph, const Decisions& decisions,
                                                 const ValueMap<int>& producer, ValueId id) {
  while (true) {
    if (const auto& pre_quantized = graph.value(id).quantization) return pre_quantized;
    if (const auto& decided = decisions.values[static_cast<std::size_t>(id)]) return decided->quantization;
    const int p = producer[static_cast<std::size_t>(id)];
    if (p < 0) return std::nullopt;
    const Node& node = graph.nodes[static_cast<std::size_t>(p)];
    if (!is_lossless(node.op) && !std::holds_alternative<Dequantize>(node.op)) return std::nullopt;
    id = node.inputs[0];
  }
}

}  // namespace narrow::graph
