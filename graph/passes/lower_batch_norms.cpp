#include "graph/passes/lower_batch_norms.h"

#include <algorithm>
#include <cmath>

#include "graph/passes/affine.h"

namespace narrow::graph {

Result<PassLog> lower_batch_norms(Graph& graph) {
  PassLog log;
  for (Node& node : graph.nodes) {
    if (!std::holds_alternative<BatchNorm>(node.op)) continue;
    NARROW_ASSIGN(const Affine affine, affine_of(node));
    Convolution convolution;
    convolution.groups = convolution.out_channels = static_cast<int>(affine.channels());
    Filter& filter = convolution.filter;
    filter.weights.assign(affine.scale.begin(), affine.scale.end());
    filter.bias.assign(affine.shift.begin(), affine.shift.end());
    const auto is_finite = [](float x) { return std::isfinite(x); };
    if (!std::all_of(filter.weights.begin(), filter.weights.end(), is_finite) ||
        !std::all_of(filter.bias.begin(), filter.bias.end(), is_finite)) {
      return Error{ErrorCode::kMalformed, describe(node) + " has a scale or shift beyond the range of float",
                   node.name};
    }
    log.push_back("made " + describe(node) + " a depthwise 1x1 convolution: no neighbour can absorb it");
    node.op = std::move(convolution);
  }
  return log;
}

}  // namespace narrow::graph
