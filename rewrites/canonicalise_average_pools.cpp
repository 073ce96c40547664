#include "rewrites/canonicalise_average_pools.h"

namespace narrow::graph {

PassLog canonicalise_average_pools(Graph& graph) {
  PassLog log;
  for (Node& node : graph.nodes) {
    auto* pool = std::get_if<AveragePool>(&node.op);
    if (pool == nullptr || pool->window.pad != Padding{}) continue;
    if (pool->count_include_pad) {
      pool->count_include_pad = false;
      log.push_back(
          {Event::Kind::kReplaced, node.name, "let " + describe(node) + " count no padding, which it does not have"});
    }
    const TensorShape& in = graph.value(node.inputs[0]).shape;
    if (pool->window.kernel_h != in.height || pool->window.kernel_w != in.width) continue;
    log.push_back({Event::Kind::kReplaced, node.name, "made " + describe(node) + " global"});
    node.op = GlobalAveragePool{};
  }
  return log;
}

}  // namespace narrow::graph
