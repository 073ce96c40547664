#include <string>
#include <utility>

#include "base/text.h"
#include "base/try.h"
#include "quantize/methods.h"
#include "quantize/on_integers.h"
#include "rewrites/pre_quantized_weights.h"

namespace narrow::graph {

using base::in_quotes;

namespace {

// Whether int32 can hold what the layer computes with `filter`, in every representation that is built of it.
Status check_representations(const Context& context, const Decisions& decisions, std::size_t n,
                             const Quantization& input, const QuantizedFilter& filter) {
  Node node = context.graph.nodes[n];
  *filter_of(node) = Filter{};
  filter_of(node)->quantized = filter;
  const NodeRepresentations& representations = context.representations.nodes[n];
  const Clamp clamp = node.clamp;
  if (representations.sums_to_float) NARROW_TRY(check_on_integers(context.graph, node, {input}, std::nullopt));
  node.clamp = Clamp{};
  if (representations.decided) {
    const auto& decided = decisions.values[static_cast<std::size_t>(node.output)];
    NARROW_TRY(check_on_integers(context.graph, node, {input}, decided->quantization));
  }
  for (const PreQuantized& pre_quantized : representations.integers) {
    node.clamp = clamp_beside(clamp, pre_quantized.quantization);
    NARROW_TRY(check_on_integers(context.graph, node, {input}, pre_quantized.quantization));
  }
  return {};
}

}  // namespace

Status keep_pre_quantized_weights(const Context& context, Decisions& decisions) {
  int kept = 0;
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    const Node& node = context.graph.nodes[n];
    const Filter* filter = filter_of(node);
    if (!context.representations.nodes[n].on_integers() || filter == nullptr || !filter->pre_quantized) continue;
    const auto input = integer_quantization(context.graph, decisions, context.producer, node.inputs[0]);
    auto weights = pre_quantized_filter(*filter, *input);
    const Status problem =
        weights.ok() ? check_representations(context, decisions, n, *input, *weights) : Status(weights.error());
    if (!problem.ok()) {
      decisions.log.push_back(
          {Event::Kind::kNote, node.name,
           in_quotes(node.name) + ": its pre-quantized weights are quantized anew: " + problem.error().message});
      continue;
    }
    decisions.layers[n] = LayerDecision{.filter = *std::move(weights), .is_pre_quantized = true};
    ++kept;
  }
  if (kept > 0) {
    decisions.log.push_back(
        {Event::Kind::kSummary, "",
         std::to_string(kept) + " layers keep their pre-quantized weights, whatever the weight bits"});
  }
  return {};
}

}  // namespace narrow::graph
