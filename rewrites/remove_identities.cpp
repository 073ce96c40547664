#include "rewrites/remove_identities.h"

#include <algorithm>
#include <array>
#include <string>

namespace narrow::graph {
namespace {

bool changes_nothing(const Node& node, const TensorShape& in) {
  if (const auto* reshape = std::get_if<Reshape>(&node.op)) return reshape->shape == in;
  if (const auto* slice = std::get_if<Slice>(&node.op)) return slice->size == in;
  if (const auto* gather = std::get_if<Gather>(&node.op)) {
    const std::int64_t size = gather->dimension == 0 ? in.height : gather->dimension == 1 ? in.width : in.channels;
    std::int32_t next = 0;
    return static_cast<std::int64_t>(gather->indices.size()) == size &&
           std::all_of(gather->indices.begin(), gather->indices.end(), [&](std::int32_t i) { return i == next++; });
  }
  if (const auto* pad = std::get_if<Pad>(&node.op)) return pad->pad == Padding{};
  if (const auto* transpose = std::get_if<Transpose>(&node.op)) return transpose->order == std::array<int, 3>{0, 1, 2};
  if (const auto* pad = std::get_if<PadChannels>(&node.op)) return pad->before == 0 && pad->after == 0;
  if (const auto* pool = std::get_if<MaxPool>(&node.op)) return pool->window == Window{};
  if (const auto* pool = std::get_if<AveragePool>(&node.op)) return pool->window == Window{};
  if (is<Flatten>(node.op) || is<GlobalAveragePool>(node.op)) {
    return in.height == 1 && in.width == 1;
  }
  if (is<Activation>(node.op)) return node.clamp.is_identity();
  return is<Identity>(node.op);
}

}  // namespace

PassLog remove_identities(Graph& graph) {
  PassLog log;
  Links links(graph);
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    const Node& node = graph.nodes[static_cast<std::size_t>(i)];
    const Value& input = graph.value(node.inputs[0]);
    if (!changes_nothing(node, input.shape) || input.quantization != graph.value(node.output).quantization) continue;
    if (node.inputs[0] == graph.input && node.output == graph.output) continue;
    log.push_back({Event::Kind::kRemoved, node.name, "removed " + describe(node) + ", which changes nothing"});
    links.bypass(i);
  }
  links.erase_bypassed();
  return log;
}

}  // namespace narrow::graph
