#include "quantize/concat_scales.h"

#include <algorithm>
#include <numeric>

namespace narrow::graph {
std::vector<ValueId> find_concat_scales(const Graph& graph, const Liveness& live, const BitPlan& plan) {
  const ValueMap<int> producer = producers(graph);
  const ValueMap<std::vector<int>> readers = consumers(graph);
  // Only this node reads the value.
  const auto read_only_by = [&](ValueId id, int node) {
    return id != graph.output && std::all_of(readers[index(id)].begin(), readers[index(id)].end(), [&](int reader) {
             return reader == node || !live.nodes[static_cast<std::size_t>(reader)];
           });
  };
  std::vector<ValueId> scale_source(graph.values.size());
  std::iota(scale_source.begin(), scale_source.end(), ValueId{0});
  // Last first: the entry of a Concat is complete before those of its inputs are made.
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& concat = graph.nodes[n];
    if (!live.nodes[n] || !std::holds_alternative<Concat>(concat.op) || graph.value(concat.output).quantization) {
      continue;
    }
    for (ValueId id : concat.inputs) {
      int reader = static_cast<int>(n);
      bool is_private = read_only_by(id, reader);
      while (is_private && id != plan.source[index(id)]) {
        reader = producer[index(id)];
        id = graph.nodes[static_cast<std::size_t>(reader)].inputs[0];
        is_private = read_only_by(id, reader);
      }
      const int maker = producer[index(id)];
      const bool is_pre_quantized =
          maker >= 0 && std::holds_alternative<Dequantize>(graph.nodes[static_cast<std::size_t>(maker)].op);
      const bool same_bits = plan.activation_bits[index(id)] == plan.activation_bits[index(concat.output)];
      if (is_private && !is_pre_quantized && same_bits) scale_source[index(id)] = scale_source[index(concat.output)];
    }
  }
  return scale_source;
}

}  // namespace narrow::graph
