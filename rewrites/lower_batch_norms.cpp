#include "rewrites/lower_batch_norms.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "base/try.h"
#include "graph/limits.h"
#include "rewrites/affine.h"
#include "rewrites/pre_quantized.h"
#include "rewrites/pre_quantized_weights.h"

namespace narrow::graph {

Result<PassLog> lower_batch_norms(Graph& graph) {
  PassLog log;
  const bool pre_quantized = is_pre_quantized(graph);
  for (Node& node : graph.nodes) {
    if (!is<BatchNorm>(node.op)) continue;
    NARROW_ASSIGN(const Affine affine, affine_of(node));
    if (static_cast<std::int64_t>(affine.channels()) > kMaxDimension) {
      return Error{ErrorCode::kLimit,
                   describe(node) + " normalizes " + std::to_string(affine.channels()) + " channels; at most " +
                       std::to_string(kMaxDimension) + " are supported where no layer beside it can absorb it",
                   node.name};
    }
    Convolution convolution;
    convolution.groups = convolution.out_channels = static_cast<int>(affine.channels());
    Filter& filter = convolution.filter;
    filter.weights = std::vector<float>(affine.scale.begin(), affine.scale.end());
    filter.bias = std::vector<float>(affine.shift.begin(), affine.shift.end());
    const auto is_finite = [](float x) { return std::isfinite(x); };
    if (!std::all_of(filter.weights.begin(), filter.weights.end(), is_finite) ||
        !std::all_of(filter.bias.begin(), filter.bias.end(), is_finite)) {
      return Error{ErrorCode::kMalformed, describe(node) + " has a scale or shift beyond the range of float",
                   node.name};
    }
    // Between a Dequantize and a Quantize it can then run in integers, like the layers around it.
    if (pre_quantized) add_weight_integers(filter);
    log.push_back({Event::Kind::kReplaced, node.name,
                   "made " + describe(node) + " a depthwise 1x1 convolution: no neighbour can absorb it"});
    node.op = std::move(convolution);
  }
  return log;
}

}  // namespace narrow::graph
