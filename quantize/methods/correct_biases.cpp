#include <string>

#include "base/try.h"
#include "quantize/expected_input.h"
#include "quantize/methods.h"
#include "quantize/weight_quantization.h"

namespace narrow::graph {

Status correct_biases(const Context& context, Decisions& decisions) {
  int corrected = 0;
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    const Node& node = context.graph.nodes[n];
    auto& layer = decisions.layers[n];
    if (!layer || layer->is_pre_quantized || layer->is_fitted) continue;
    const std::vector<double> expected =
        expected_input(node, context.graph.value(node.inputs[0]).shape, context.graph.value(node.output).shape,
                       context.observations[static_cast<std::size_t>(node.inputs[0])]->channel_means);
    if (expected.empty()) continue;
    const auto input = integer_quantization(context.graph, decisions, context.producer, node.inputs[0]);
    NARROW_TRY(correct_bias(*filter_of(node), *input, expected, layer->filter, context.options.cancellation));
    ++corrected;
  }
  if (corrected > 0) {
    decisions.log.push_back(
        {Event::Kind::kSummary, "",
         "biases of " + std::to_string(corrected) + " layers corrected for the mean error of their rounded weights"});
  }
  return {};
}

}  // namespace narrow::graph
