#include "engine/thread_pool.h"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <numeric>
#include <vector>

using narrow::engine::ThreadPool;

TEST_CASE("every index runs exactly once and slots are never shared") {
  for (const int threads : {1, 2, 3, 8}) {
    const auto pool = ThreadPool::create(threads).value();
    CHECK(pool->concurrency() == threads);
    for (int round = 0; round < 300; ++round) {
      const int count = round % 40;
      std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
      std::array<std::atomic<int>, 8> in_slot{};
      std::atomic<int> wrong{0};
      pool->parallel_for(count, [&](int index, int slot) {
        if (slot < 0 || slot >= threads || in_slot[static_cast<std::size_t>(slot)]++ != 0) ++wrong;
        ++runs[static_cast<std::size_t>(index)];
        --in_slot[static_cast<std::size_t>(slot)];
      });
      // When it has returned nothing runs any more.
      CHECK(wrong == 0);
      for (const auto& run : runs) CHECK(run == 1);
    }
  }
}

TEST_CASE("what tasks wrote is seen when parallel_for returns") {
  const auto pool = ThreadPool::create(3).value();
  std::vector<int> values(1000);
  for (int round = 1; round < 200; ++round) {
    pool->parallel_for(static_cast<int>(values.size()),
                       [&](int index, int) { values[static_cast<std::size_t>(index)] = round; });
    CHECK(std::accumulate(values.begin(), values.end(), 0) == round * 1000);
  }
}

TEST_CASE("a pool that never worked ends") { CHECK(ThreadPool::create(16).ok()); }

TEST_CASE("a number of threads out of bounds is an error that says the bounds") {
  for (const int threads : {-1, 0, 257}) {
    const auto pool = ThreadPool::create(threads);
    REQUIRE_FALSE(pool.ok());
    CHECK(pool.error().text().find("1 to 256") != std::string::npos);
  }
}
