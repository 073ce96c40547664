#include <iterator>
#include <utility>

#include "base/cancelled.h"
#include "base/try.h"
#include "quantize/methods.h"
#include "quantize/undecided_layers.h"

namespace narrow::graph {

Status round_weights(const Context& context, Decisions& decisions) {
  for (std::size_t n = 0; n < context.graph.nodes.size(); ++n) {
    if (!is_undecided_layer(context, decisions, n)) continue;
    NARROW_TRY(base::check_cancelled(context.options.cancellation));
    NARROW_ASSIGN(QuantizedWeights weights,
                  quantize_filter(*filter_of(context.graph.nodes[n]), filter_setting(context, decisions, n)));
    decisions.layers[n] = LayerDecision{.filter = std::move(weights.filter),
                                        .dead_channels = weights.report.dead_channels,
                                        .raised_bias_channels = weights.report.raised_bias_channels};
    std::move(weights.log.begin(), weights.log.end(), std::back_inserter(decisions.log));
  }
  return {};
}

}  // namespace narrow::graph
