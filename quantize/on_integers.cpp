#include "quantize/on_integers.h"

#include <utility>

#include "graph/quantization.h"
#include "graph/validate_parts.h"

namespace narrow::graph {

Status check_on_integers(const Graph& graph, Node node, const std::vector<std::optional<Quantization>>& inputs,
                         const std::optional<Quantization>& output) {
  Graph alone;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Value value = graph.value(node.inputs[i]);
    value.quantization = inputs[i];
    alone.values.push_back(std::move(value));
    node.inputs[i] = static_cast<ValueId>(i);
  }
  Value value = graph.value(node.output);
  value.quantization = output;
  node.output = static_cast<ValueId>(alone.values.size());
  alone.values.push_back(std::move(value));
  return check_types(alone, node);
}

Clamp clamp_beside(const Clamp& clamp, const Quantization& output) {
  return clamped_range(output, clamp) == output.range ? Clamp{} : clamp;
}

}  // namespace narrow::graph
