#include "quantize/simulate.h"

namespace narrow::graph {

Simulation simulate(const Graph& graph, const RepresentationPlan& plan, const Decisions& decisions) {
  Simulation simulation;
  simulation.values = ValueMap<std::optional<Quantization>>(graph.values.size());
  simulation.filters.resize(graph.nodes.size());
  simulation.in_float.resize(graph.nodes.size());
  const ValueMap<int> producer = producers(graph);
  for (ValueId id = 0; id < static_cast<ValueId>(graph.values.size()); ++id) {
    // Lossless operators have the quantization of what they move, and Dequantize that of its input, without a decision
    // of their own.
    const auto n = static_cast<std::size_t>(producer[id]);
    const bool is_decided = producer[id] >= 0 && plan.nodes[n].decided;
    const bool is_dequantized = producer[id] >= 0 && std::holds_alternative<Dequantize>(graph.nodes[n].op);
    if (!plan.needs_decision[static_cast<std::size_t>(id)] && !is_decided && !is_dequantized) continue;
    simulation.values[id] = integer_quantization(graph, decisions, producer, id);
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (decisions.layers[n]) simulation.filters[n] = decisions.layers[n]->filter;
    // A Dequantize gives float32 and integers the same real numbers.
    simulation.in_float[n] = plan.nodes[n].in_float && !std::holds_alternative<Dequantize>(graph.nodes[n].op);
  }
  return simulation;
}

}  // namespace narrow::graph
