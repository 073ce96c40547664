#include "rewrites/pre_quantized.h"

#include <algorithm>
#include <iterator>

namespace narrow::graph {
namespace {

using Sweep = PassLog (*)(Graph&);

// Copies the ranges of inputs to the outputs of lossless operators on integers, after the sweeps narrowed them.
void hand_ranges_on(Graph& graph) {
  for (const Node& node : graph.nodes) {
    const auto& from = graph.value(node.inputs[0]).quantization;
    if (is_lossless(node.op) && from) graph.value(node.output).quantization = from;
  }
}

}  // namespace

bool is_pre_quantized(const Graph& graph) {
  return std::any_of(graph.values.begin(), graph.values.end(),
                     [](const Value& value) { return value.quantization.has_value(); });
}

PassLog place_pre_quantized(Graph& graph) {
  PassLog log;
  if (!is_pre_quantized(graph)) return log;
  // One sweep can make another rewrite possible. Each rewrite moves a Quantize towards the input or a Dequantize
  // towards the output, or removes a node. So the loop ends.
  for (std::size_t lines = log.size() + 1; lines != log.size();) {
    lines = log.size();
    for (const Sweep sweep : {move_dequantize_forward, move_quantize_backward, quantize_before_concats,
                              narrow_to_clamps, merge_quantizes}) {
      PassLog more = sweep(graph);
      log.insert(log.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
      remove_dead(graph);
      hand_ranges_on(graph);
    }
  }
  return log;
}

}  // namespace narrow::graph
