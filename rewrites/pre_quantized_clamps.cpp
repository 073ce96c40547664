// A clamp before a Quantize becomes a range of integers.
//
// This is exact: dividing by a scale, rounding and adding the zero point keep the order of numbers. So quantizing a
// clamped number equals clamping the quantized number to the quantized bounds. This holds for each reader alone: a
// Quantize after an Activation can read the input of the Activation, whatever other readers the Activation has.
#include <string>

#include "rewrites/pre_quantized.h"
#include "rewrites/pre_quantized_weights.h"

namespace narrow::graph {

PassLog narrow_to_clamps(Graph& graph) {
  PassLog log;
  const ValueMap<int> producer = producers(graph);
  for (Node& node : graph.nodes) {
    if (!is<Quantize>(node.op)) continue;
    Value& quantized = graph.value(node.output);
    for (int p = producer[node.inputs[0]]; p >= 0;) {
      const Node& before = graph.nodes[static_cast<std::size_t>(p)];
      const auto narrowed = clamped_quantization(*quantized.quantization, before.clamp);
      // A clamp whose range does not contain zero or has only one level stays a node.
      if (!narrowed) break;
      if (*narrowed != *quantized.quantization) {
        const QRange& range = narrowed->range;
        log.push_back({Event::Kind::kNarrowed, node.name,
                       "narrowed " + describe(node) + " to [" + std::to_string(range.lo) + ", " +
                           std::to_string(range.hi) + "], the clamp of " + describe(before)});
        quantized.quantization = narrowed;
      }
      if (!is<Activation>(before.op)) break;
      log.push_back(
          {Event::Kind::kReplaced, node.name, "let " + describe(node) + " read what " + describe(before) + " reads"});
      node.inputs = before.inputs;
      p = producer[node.inputs[0]];
    }
  }
  return log;
}

}  // namespace narrow::graph
