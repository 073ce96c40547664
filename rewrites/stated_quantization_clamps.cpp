// A clamp before a Quantize is a range of integers.
//
// Exact: dividing by a scale, rounding and adding the zero point never change an order, so quantizing a clamped number
// gives the quantized number clamped to the quantized bounds. That holds for every reader on its own: a Quantize behind
// an Activation can read what the Activation reads, whoever else reads the Activation.
#include <string>

#include "rewrites/stated_quantization.h"
#include "rewrites/stated_quantization_codes.h"

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
      // A clamp that is no range, without zero in it or narrower than a step, stays a node.
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
