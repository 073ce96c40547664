#include "graph/liveness.h"

#include <algorithm>

namespace narrow::graph {
namespace {

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// In float a quantized value holds what its levels mean, so that Dequantize changes nothing.
bool hands_on(const Op& op) { return moves_no_byte(op) || std::holds_alternative<Dequantize>(op); }

// The free slot that wastes least: the smallest that is large enough, else the largest, which then grows.
int take_slot(std::vector<int>& free, std::vector<std::size_t>& slot_floats, std::size_t floats) {
  if (free.empty()) {
    slot_floats.push_back(floats);
    return static_cast<int>(slot_floats.size()) - 1;
  }
  const auto better = [&](int a, int b) {
    const std::size_t size_a = slot_floats[index(a)];
    const std::size_t size_b = slot_floats[index(b)];
    if ((size_a >= floats) != (size_b >= floats)) return size_a >= floats;
    return size_a >= floats ? size_a < size_b : size_a > size_b;
  };
  const auto best = std::min_element(free.begin(), free.end(), better);
  const int slot = *best;
  free.erase(best);
  slot_floats[index(slot)] = std::max(slot_floats[index(slot)], floats);
  return slot;
}

}  // namespace

Liveness find_live(const Graph& graph) {
  Liveness live{ValueMap<bool>(graph.values.size(), false), std::vector<bool>(graph.nodes.size(), false)};
  live.values[graph.output] = true;
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    if (!live.values[node.output]) continue;
    live.nodes[n] = true;
    for (const ValueId input : node.inputs) live.values[input] = true;
  }
  live.values[graph.input] = true;
  return live;
}

BufferPlan plan_buffers(const Graph& graph, const Liveness& live) {
  // Values that live in the same bytes have the same root.
  ValueMap<ValueId> root = each_to_itself(graph.values.size());
  constexpr std::size_t kForever = static_cast<std::size_t>(-1);
  std::vector<std::size_t> last_use(graph.values.size(), 0);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live.nodes[n]) continue;
    const Node& node = graph.nodes[n];
    if (hands_on(node.op)) root[index(node.output)] = root[index(node.inputs[0])];
    for (const ValueId input : node.inputs) last_use[index(root[index(input)])] = n;
  }
  last_use[index(root[index(graph.output)])] = kForever;

  BufferPlan plan;
  plan.slot.assign(graph.values.size(), -1);
  std::vector<int> free;
  const auto place = [&](ValueId id) {
    const auto floats = static_cast<std::size_t>(graph.value(id).shape.elems());
    plan.slot[index(id)] = take_slot(free, plan.slot_floats, floats);
  };
  place(graph.input);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!live.nodes[n]) continue;
    const Node& node = graph.nodes[n];
    if (hands_on(node.op)) {
      plan.slot[index(node.output)] = plan.slot[index(node.inputs[0])];
    } else {
      place(node.output);
    }
    for (const ValueId input : node.inputs) {
      // Two inputs may be one value, or live in the same bytes.
      const int slot = plan.slot[index(input)];
      const bool ends_here = last_use[index(root[index(input)])] == n;
      if (ends_here && std::find(free.begin(), free.end(), slot) == free.end()) free.push_back(slot);
    }
  }
  return plan;
}

}  // namespace narrow::graph
