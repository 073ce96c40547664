#include "quantize/undecided_layers.h"

#include <algorithm>

namespace narrow::graph {
namespace {

// The largest scale that the layer's results are divided by; nothing where they are float32 only.
std::optional<float> largest_output_scale(const Context& context, const Decisions& decisions, std::size_t n) {
  std::optional<float> largest;
  const auto take = [&](const Quantization& q) { largest = std::max(largest.value_or(q.scale), q.scale); };
  const NodeRepresentations& representations = context.representations.nodes[n];
  if (representations.decided)
    take(decisions.values[static_cast<std::size_t>(context.graph.nodes[n].output)]->quantization);
  for (const PreQuantized& pre_quantized : representations.integers) take(pre_quantized.quantization);
  return largest;
}

}  // namespace

bool is_undecided_layer(const Context& context, const Decisions& decisions, std::size_t n) {
  return context.representations.nodes[n].on_integers() && filter_of(context.graph.nodes[n]) != nullptr &&
         !decisions.layers[n];
}

FilterSetting filter_setting(const Context& context, const Decisions& decisions, std::size_t n) {
  const Node& node = context.graph.nodes[n];
  FilterSetting setting;
  setting.layer = node.name;
  setting.bits = context.bits.weight_bits[n];
  setting.per_tensor = context.options.per_tensor_weights;
  setting.input = *integer_quantization(context.graph, decisions, context.producer, node.inputs[0]);
  setting.output_scale = largest_output_scale(context, decisions, n);
  setting.lanes = context.bits.lanes[n];
  setting.cancellation = context.options.cancellation;
  return setting;
}

}  // namespace narrow::graph
