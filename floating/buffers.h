// Memory that tensors share when their lifetimes do not overlap.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace narrow::graph {

struct Lifetime {
  static constexpr std::size_t kForever = std::numeric_limits<std::size_t>::max();

  std::size_t floats = 0;  // its size
  std::size_t begin = 0;   // the step that writes it
  std::size_t end = 0;     // the last step that reads it
};

struct BufferPlan {
  std::vector<int> slot;                 // by tensor
  std::vector<std::size_t> slot_floats;  // size of each slot
};

// Gives each tensor a slot from `begin` to `end`, both included: what a step writes never shares a slot with what it
// reads. Tensors are given in the order of `begin`.
[[nodiscard]] BufferPlan plan_buffers(const std::vector<Lifetime>& tensors);

}  // namespace narrow::graph
