#include <algorithm>
#include <iterator>
#include <utility>

#include "quantize/methods.h"
#include "quantize/weight_quantization.h"

namespace narrow::graph {
namespace {

// The largest scale that the layer's results are divided by; nothing where they are float32 only.
std::optional<float> largest_output_scale(const Context& context, const Decisions& decisions, std::size_t n) {
  std::optional<float> largest;
  const auto take = [&](const Quantization& q) { largest = std::max(largest.value_or(q.scale), q.scale); };
  const NodeForms& forms = context.forms.nodes[n];
  if (forms.decided) take(decisions.values[static_cast<std::size_t>(context.graph.nodes[n].output)]->quantization);
  for (const StatedForm& stated : forms.integers) take(stated.quantization);
  return largest;
}

}  // namespace

Status round_weights(const Context& context, Decisions& decisions) {
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    const Node& node = context.graph.nodes[n];
    const Filter* filter = filter_of(node);
    if (!context.forms.nodes[n].on_integers() || filter == nullptr || decisions.layers[n]) continue;
    FilterSetting setting;
    setting.layer = node.name;
    setting.bits = context.bits.weight_bits[n];
    setting.per_tensor = context.options.per_tensor_weights;
    setting.input = *integer_quantization(context.graph, decisions, context.producer, node.inputs[0]);
    setting.output_scale = largest_output_scale(context, decisions, n);
    NARROW_ASSIGN(QuantizedWeights weights, quantize_filter(*filter, setting));
    decisions.layers[n] = LayerDecision{.filter = std::move(weights.filter),
                                        .dead_channels = weights.report.dead_channels,
                                        .raised_bias_channels = weights.report.raised_bias_channels};
    std::move(weights.log.begin(), weights.log.end(), std::back_inserter(decisions.log));
  }
  return {};
}

}  // namespace narrow::graph
