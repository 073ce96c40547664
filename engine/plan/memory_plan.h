// Plans the location of all tensors in one arena, so that running allocates nothing.
#pragma once

#include <cstddef>
#include <vector>

#include "narrow/result.h"

namespace narrow::engine {

inline constexpr std::size_t kArenaAlignment = 64;

// The lifetime of a buffer: from the step that writes it to the last step that reads it, both included. So no step
// reads and writes the same bytes.
struct BufferLife {
  int first_step = 0;
  int last_step = 0;
  std::size_t bytes = 0;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  // of each buffer, multiples of kArenaAlignment
  std::size_t bytes = 0;             // of the whole arena
  // The largest sum of buffers that are alive at the same step. No plan needs less.
  std::size_t largest_live_bytes = 0;
};

// More buffers than any network has that classifies images.
inline constexpr std::size_t kMostPlacedBySize = 4096;

// Places the largest buffer first, each at the lowest offset that is free during its whole lifetime ("greedy by size",
// Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). More than kMostPlacedBySize
// buffers are placed in the order of their first steps. Deterministic. Error: kLimit when a sum overflows.
[[nodiscard]] Result<MemoryPlan> plan_memory(const std::vector<BufferLife>& buffers);

// Rounds up to kArenaAlignment. Error: kLimit on overflow.
[[nodiscard]] Result<std::size_t> align_arena(std::size_t bytes);

}  // namespace narrow::engine
