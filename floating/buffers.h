// Shares memory among tensors whose lifetimes do not overlap.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

namespace narrow::graph {

struct Lifetime {
  static constexpr std::size_t kForever = std::numeric_limits<std::size_t>::max();

  std::size_t floats = 0;  // size of the tensor
  std::size_t begin = 0;   // the step that writes the tensor
  std::size_t end = 0;     // the last step that reads the tensor
};

struct BufferPlan {
  std::vector<int> slot;                 // by tensor
  std::vector<std::size_t> slot_floats;  // size of each slot
};

// Assigns to each tensor a slot from `begin` to `end`, both included: the tensors that a step reads and writes never
// share a slot. Tensors are sorted by `begin`.
[[nodiscard]] BufferPlan plan_buffers(const std::vector<Lifetime>& tensors);

}  // namespace narrow::graph
