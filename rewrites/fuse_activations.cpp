#include "rewrites/fuse_activations.h"

#include <algorithm>
#include <limits>
#include <string>

#include "graph/operators.h"

namespace narrow::graph {
namespace {

// As in absorb_affine.cpp: no graph makes the search deep or endless.
constexpr int kMaxChainDepth = 64;

// The clamp for which second(first(x)) = result(x), also if the two ranges do not overlap.
Clamp then(const Clamp& first, const Clamp& second) {
  return {std::clamp(first.lo, second.lo, second.hi), std::clamp(first.hi, second.lo, second.hi)};
}

// Finds the nodes that must take over the clamp of `value`. Returns false if some part of the value has no such node.
bool find_targets(const Graph& graph, const Links& links, ValueId value, const Clamp& clamp, int depth,
                  std::vector<int>& targets) {
  const int index = links.producer(value);
  if (depth > kMaxChainDepth || index < 0 || !links.is_private(value)) return false;
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  const auto all_inputs = [&] {
    return std::all_of(node.inputs.begin(), node.inputs.end(),
                       [&](ValueId input) { return find_targets(graph, links, input, clamp, depth + 1, targets); });
  };
  if (row_of(node.op).has(kTakesClamp)) {
    targets.push_back(index);
    return true;
  }
  // The clamp also applies to the padded zeros.
  if (is<PadChannels, Pad>(node.op)) {
    return clamp.lo <= 0 && clamp.hi >= 0 && all_inputs();
  }
  const bool commutes = is_lossless(node.op) || is<Concat>(node.op);
  return commutes && all_inputs();
}

std::string describe_clamp(const Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::string name = " '" + node.name + "'";
  if (node.clamp == Clamp{0.0F, kInfinity}) return "ReLU" + name;
  if (node.clamp == Clamp{0.0F, 6.0F}) return "ReLU6" + name;
  return "clamp" + name;
}

}  // namespace

PassLog fuse_activations(Graph& graph) {
  PassLog log;
  Links links(graph);
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    const Node& node = graph.nodes[static_cast<std::size_t>(i)];
    // On integers an Activation may also change the quantization.
    if (!is<Activation>(node.op) || graph.value(node.output).quantization) continue;
    std::vector<int> targets;
    if (!find_targets(graph, links, node.inputs[0], node.clamp, 0, targets)) continue;
    std::string names;
    for (const int target : targets) {
      Node& layer = graph.nodes[static_cast<std::size_t>(target)];
      layer.clamp = then(layer.clamp, node.clamp);
      names += (names.empty() ? "" : ", ") + describe(layer);
    }
    log.push_back({Event::Kind::kFused, node.name, "fused " + describe_clamp(node) + " into " + names});
    links.bypass(i);
  }
  links.erase_bypassed();
  return log;
}

}  // namespace narrow::graph
