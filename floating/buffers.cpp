#include "floating/buffers.h"

#include <algorithm>

namespace narrow::graph {
namespace {

// Returns the free slot that wastes least: the smallest one that is large enough, or else the largest, which then
// grows.
int take_slot(std::vector<int>& free, std::vector<std::size_t>& slot_floats, std::size_t floats) {
  if (free.empty()) {
    slot_floats.push_back(floats);
    return static_cast<int>(slot_floats.size()) - 1;
  }
  const auto size = [&](int slot) -> std::size_t& { return slot_floats[static_cast<std::size_t>(slot)]; };
  const auto better = [&](int a, int b) {
    if ((size(a) >= floats) != (size(b) >= floats)) return size(a) >= floats;
    return size(a) >= floats ? size(a) < size(b) : size(a) > size(b);
  };
  const auto best = std::min_element(free.begin(), free.end(), better);
  const int slot = *best;
  free.erase(best);
  size(slot) = std::max(size(slot), floats);
  return slot;
}

}  // namespace

BufferPlan plan_buffers(const std::vector<Lifetime>& tensors) {
  BufferPlan plan;
  std::vector<int> free;
  std::vector<std::size_t> alive;
  for (std::size_t t = 0; t < tensors.size(); ++t) {
    const auto ended = [&](std::size_t other) { return tensors[other].end < tensors[t].begin; };
    for (const std::size_t other : alive) {
      if (ended(other)) free.push_back(plan.slot[other]);
    }
    std::erase_if(alive, ended);
    plan.slot.push_back(take_slot(free, plan.slot_floats, tensors[t].floats));
    alive.push_back(t);
  }
  return plan;
}

}  // namespace narrow::graph
