#include "engine/plan/memory_plan.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "base/arithmetic.h"
#include "base/order.h"
#include "base/try.h"

namespace narrow::engine {
namespace {

Error too_large() { return Error{ErrorCode::kLimit, "the network's tensors do not fit into the address space", {}}; }

struct Placed {
  std::size_t begin = 0;
  std::size_t end = 0;
  BufferLife life;
};

// The indices of the buffers by what key(buffer) returns; equal keys keep their order.
template <class Key>
std::vector<std::size_t> order_by(const std::vector<BufferLife>& buffers, Key key) {
  std::vector<std::int64_t> keys;
  keys.reserve(buffers.size());
  for (const BufferLife& life : buffers) keys.push_back(key(life));
  return base::order_of(keys);
}

// The sums can't overflow, because buffers with these sizes were placed without an overflow.
std::size_t largest_live(const std::vector<BufferLife>& buffers) {
  // Entries 2i and 2i + 1 are the start and the end of buffer i. At the same step, ends come first.
  std::vector<std::int64_t> changes;
  changes.reserve(2 * buffers.size());
  for (const BufferLife& life : buffers) {
    changes.push_back(2 * std::int64_t{life.first_step} + 1);
    changes.push_back(2 * (std::int64_t{life.last_step} + 1));
  }
  std::size_t alive = 0;
  std::size_t most = 0;
  for (const std::size_t change : base::order_of(changes)) {
    const std::size_t bytes = base::round_up(buffers[change / 2].bytes, kArenaAlignment);
    alive = change % 2 == 0 ? alive + bytes : alive - bytes;
    most = std::max(most, alive);
  }
  return most;
}

// For networks of more tensors than any that classifies images: placing by size compares each buffer with all others,
// which would take minutes for a hostile file. In the order of the steps, each buffer takes the smallest free block
// that is large enough, so that the time grows with n log n.
Result<MemoryPlan> place_in_order(const std::vector<BufferLife>& buffers) {
  const std::vector<std::size_t> by_start = order_by(buffers, [](const BufferLife& life) { return life.first_step; });
  const std::vector<std::size_t> by_end = order_by(buffers, [](const BufferLife& life) { return life.last_step; });

  MemoryPlan plan;
  plan.offsets.resize(buffers.size(), 0);
  std::multimap<std::size_t, std::size_t> free;  // offsets of blocks, by their size
  auto ended = by_end.begin();
  for (const std::size_t index : by_start) {
    for (; ended != by_end.end() && buffers[*ended].last_step < buffers[index].first_step; ++ended) {
      NARROW_ASSIGN(const std::size_t size, align_arena(buffers[*ended].bytes));
      free.emplace(size, plan.offsets[*ended]);
    }
    NARROW_ASSIGN(const std::size_t size, align_arena(buffers[index].bytes));
    const auto found = free.lower_bound(size);
    if (found == free.end()) {
      plan.offsets[index] = plan.bytes;
      if (__builtin_add_overflow(plan.bytes, size, &plan.bytes)) return too_large();
      continue;
    }
    const auto [block, offset] = *found;
    free.erase(found);
    plan.offsets[index] = offset;
    if (block > size) free.emplace(block - size, offset + size);
  }
  return plan;
}

bool alive_together(const BufferLife& a, const BufferLife& b) {
  return a.first_step <= b.last_step && b.first_step <= a.last_step;
}

}  // namespace

Result<std::size_t> align_arena(std::size_t bytes) {
  std::size_t sum = 0;
  if (__builtin_add_overflow(bytes, kArenaAlignment - 1, &sum)) return too_large();
  return sum / kArenaAlignment * kArenaAlignment;
}

Result<MemoryPlan> plan_memory(const std::vector<BufferLife>& buffers) {
  if (buffers.size() > kMostPlacedBySize) {
    NARROW_ASSIGN(MemoryPlan plan, place_in_order(buffers));
    plan.largest_live_bytes = largest_live(buffers);
    return plan;
  }
  // The largest first: ~n is -n - 1. Sizes from 2^63 on, which no machine has, come last.
  const std::vector<std::size_t> order =
      order_by(buffers, [](const BufferLife& life) { return static_cast<std::int64_t>(~life.bytes); });

  MemoryPlan plan;
  plan.offsets.resize(buffers.size(), 0);
  std::vector<Placed> placed;  // sorted by begin
  placed.reserve(buffers.size());
  for (const std::size_t index : order) {
    const BufferLife& life = buffers[index];
    NARROW_ASSIGN(const std::size_t size, align_arena(life.bytes));
    // Finds the first gap between buffers that are alive at the same time.
    std::size_t begin = 0;
    for (const Placed& other : placed) {
      if (!alive_together(life, other.life)) continue;
      if (other.begin >= begin && other.begin - begin >= size) break;
      begin = std::max(begin, other.end);
    }
    Placed mine{begin, 0, life};
    if (__builtin_add_overflow(begin, size, &mine.end)) return too_large();
    plan.offsets[index] = begin;
    plan.bytes = std::max(plan.bytes, mine.end);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), mine,
                                   [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
                  mine);
  }
  plan.largest_live_bytes = largest_live(buffers);
  return plan;
}

}  // namespace narrow::engine
