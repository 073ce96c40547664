#include "engine/plan/memory_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>

#include "tests/support/data.h"

using narrow::engine::BufferLife;
using narrow::engine::kArenaAlignment;
using narrow::engine::MemoryPlan;
using narrow::engine::plan_memory;

namespace {

std::size_t rounded(std::size_t bytes) { return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

// No two buffers that are alive together share a byte, all are aligned and inside, and the arena ends where the
// last buffer ends.
void check_plan(const std::vector<BufferLife>& buffers) {
  const MemoryPlan plan = plan_memory(buffers).value();
  REQUIRE(plan.offsets.size() == buffers.size());
  std::size_t end = 0;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    CHECK(plan.offsets[i] % kArenaAlignment == 0);
    end = std::max(end, plan.offsets[i] + rounded(buffers[i].bytes));
    for (std::size_t j = 0; j < i; ++j) {
      const BufferLife& a = buffers[i];
      const BufferLife& b = buffers[j];
      if (a.first_step > b.last_step || b.first_step > a.last_step) continue;
      const bool apart = plan.offsets[i] + a.bytes <= plan.offsets[j] || plan.offsets[j] + b.bytes <= plan.offsets[i];
      CHECK(apart);
    }
  }
  CHECK(plan.bytes == end);
  // At least what the busiest step needs, at most everything side by side.
  std::size_t sum = 0;
  std::size_t busiest = 0;
  for (const BufferLife& at : buffers) {
    sum += rounded(at.bytes);
    std::size_t alive = 0;
    for (const BufferLife& other : buffers) {
      if (other.first_step <= at.first_step && at.first_step <= other.last_step) alive += rounded(other.bytes);
    }
    busiest = std::max(busiest, alive);
  }
  CHECK(plan.largest_live_bytes == busiest);
  CHECK(plan.bytes >= busiest);
  CHECK(plan.bytes <= sum);
}

}  // namespace

TEST_CASE("no buffers need no memory") {
  CHECK(plan_memory({}).value().bytes == 0);
  CHECK(plan_memory({{0, 3, 0}}).value().bytes == 0);
}

TEST_CASE("a chain takes the memory of its largest neighbours") {
  // Step i writes buffer i and reads buffer i - 1.
  const std::vector<BufferLife> chain = {{0, 1, 640}, {1, 2, 1280}, {2, 3, 640}, {3, 4, 64}, {4, 5, 640}};
  check_plan(chain);
  CHECK(plan_memory(chain).value().bytes == 1920);
}

TEST_CASE("random lives do not collide") {
  std::mt19937 random(narrow::testing::seed());
  const auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  for (int round = 0; round < 500; ++round) {
    std::vector<BufferLife> buffers(static_cast<std::size_t>(pick(1, 40)));
    for (BufferLife& buffer : buffers) {
      buffer.first_step = pick(0, 30);
      buffer.last_step = buffer.first_step + pick(0, pick(0, 1) * 20 + 3);
      buffer.bytes = static_cast<std::size_t>(pick(0, 4) == 0 ? pick(0, 3) : pick(0, 5000));
    }
    check_plan(buffers);
  }
}

TEST_CASE("many more buffers than a network has are placed in time that grows with their number") {
  std::mt19937 random(narrow::testing::seed());
  const auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  std::vector<BufferLife> some(narrow::engine::kMostPlacedBySize + 1);
  for (std::size_t i = 0; i < some.size(); ++i) {
    some[i].first_step = static_cast<int>(i) / 2;
    some[i].last_step = some[i].first_step + pick(0, 9);
    some[i].bytes = static_cast<std::size_t>(pick(0, 5000));
  }
  check_plan(some);
  std::reverse(some.begin(), some.end());
  check_plan(some);

  // All alive to the end; and each to the next step.
  constexpr int kMany = 1 << 17;
  std::vector<BufferLife> fan;
  std::vector<BufferLife> chain;
  for (int i = 0; i < kMany; ++i) {
    fan.push_back({i, kMany, 64});
    chain.push_back({i, i + 1, 64});
  }
  CHECK(plan_memory(fan).value().bytes == std::size_t{64} * kMany);
  CHECK(plan_memory(chain).value().bytes == 128);
}

TEST_CASE("sizes beyond the address space are an error") {
  const std::size_t huge = std::numeric_limits<std::size_t>::max();
  CHECK_FALSE(plan_memory({{0, 0, huge}}).ok());
  CHECK_FALSE(plan_memory({{0, 1, huge / 2 + 64}, {1, 2, huge / 2 + 64}}).ok());
  CHECK(plan_memory({{0, 1, huge / 2 + 64}, {2, 3, huge / 2 + 64}}).ok());
}
