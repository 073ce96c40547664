#include "quantize/quantizable.h"

#include <string>

#include "base/text.h"

namespace narrow::graph {

using base::in_quotes;

Status check_quantizable(const Graph& graph, const Liveness& live,
                         const std::vector<std::optional<Observation>>& observations) {
  if (observations.size() != graph.values.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(observations.size()) + " observations for " + std::to_string(graph.values.size()) +
                     " tensors; calibrate this very graph",
                 "calibration"};
  }
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (!live.values[v] || graph.values[v].quantization) continue;
    const std::string& name = graph.values[v].name;
    if (!observations[v]) {
      return Error{ErrorCode::kInvalidArgument,
                   "tensor " + in_quotes(name) + " was never observed; calibrate the network", name};
    }
    const std::size_t means = observations[v]->channel_means.size();
    if (means != 0 && means != static_cast<std::size_t>(graph.values[v].shape.channels)) {
      return Error{ErrorCode::kInvalidArgument,
                   std::to_string(means) + " channel means for " + std::to_string(graph.values[v].shape.channels) +
                       " channels; calibrate this very graph",
                   name};
    }
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    const Filter* filter = filter_of(node);
    if ((filter != nullptr && filter->quantized) ||
        (graph.value(node.output).quantization && !may_be_pre_quantized(node.op))) {
      return Error{ErrorCode::kUnsupported, "is quantized already", node.name};
    }
    if (std::holds_alternative<BatchNorm>(node.op)) {
      return Error{ErrorCode::kUnsupported, "a BatchNorm has to be folded before quantization", node.name};
    }
  }
  return {};
}

}  // namespace narrow::graph
