#include "engine/session/thread_pool.h"

#include <doctest/doctest.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/engine/session/affinity.h"

using narrow::engine::PoolExecutor;
using narrow::engine::ThreadPool;

namespace {

// Every index once, and no slot twice at a time.
void check_rounds(PoolExecutor& executor, int rounds) {
  const int threads = executor.concurrency();
  for (int round = 0; round < rounds; ++round) {
    const int count = round % 40;
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
    std::array<std::atomic<int>, 8> in_slot{};
    std::atomic<int> wrong{0};
    executor.parallel_for(count, [&](int index, int slot) {
      if (slot < 0 || slot >= threads || in_slot[static_cast<std::size_t>(slot)]++ != 0) ++wrong;
      ++runs[static_cast<std::size_t>(index)];
      --in_slot[static_cast<std::size_t>(slot)];
    });
    // When it has returned nothing runs any more.
    CHECK(wrong == 0);
    for (const auto& run : runs) CHECK(run == 1);
  }
}

}  // namespace

TEST_CASE("every index runs exactly once and slots are never shared") {
  for (const int spin_us : {0, 1, 200}) {
    for (const int threads : {1, 2, 3, 8}) {
      const auto executor = PoolExecutor::create(threads, spin_us).value();
      CHECK(executor->concurrency() == threads);
      check_rounds(*executor, 100);
    }
  }
}

TEST_CASE("what tasks wrote is seen when parallel_for returns") {
  for (const int spin_us : {0, 50}) {
    const auto executor = PoolExecutor::create(3, spin_us).value();
    std::vector<int> values(1000);
    for (int round = 1; round < 100; ++round) {
      executor->parallel_for(static_cast<int>(values.size()),
                             [&](int index, int) { values[static_cast<std::size_t>(index)] = round; });
      CHECK(std::accumulate(values.begin(), values.end(), 0) == round * 1000);
    }
  }
}

TEST_CASE("a thread takes the same part of each loop, so that it finds its data in its cache") {
  constexpr int kThreads = 3;
  const auto executor = PoolExecutor::create(kThreads).value();
  std::array<std::thread::id, kThreads> first;
  for (int round = 0; round < 50; ++round) {
    std::array<std::thread::id, kThreads> threads;
    std::atomic<int> arrived{0};
    std::atomic<int> elsewhere{0};
    executor->parallel_for(kThreads, [&](int index, int slot) {
      if (index != slot) ++elsewhere;
      threads[static_cast<std::size_t>(index)] = std::this_thread::get_id();
      ++arrived;
      while (arrived < kThreads) std::this_thread::yield();
    });
    if (round == 0) first = threads;
    CHECK(elsewhere == 0);
    CHECK(threads == first);
  }
}

TEST_CASE("a thread that is done takes what others have not begun") {
  const auto executor = PoolExecutor::create(2).value();
  std::atomic<bool> begun{false};
  std::atomic<int> done{0};
  std::array<int, 8> slots{};
  executor->parallel_for(8, [&](int index, int slot) {
    slots[static_cast<std::size_t>(index)] = slot;
    // No part is done before the caller's first one has been taken, so that it can't be taken last, and whoever takes
    // it waits until the other thread has done all the rest.
    if (index == 0) begun = true;
    while (!begun) std::this_thread::yield();
    ++done;
    while (index == 0 && done < 8) std::this_thread::yield();
  });
  const int first = slots[0];
  CHECK(std::count(slots.begin(), slots.end(), 1 - first) == 7);
}

TEST_CASE("executors that work at the same time share helpers and finish") {
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([caller] {
      const auto executor = PoolExecutor::create(2 + caller, caller % 2 * 20).value();
      check_rounds(*executor, 60);
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_CASE("the pool has as many helpers as the largest executor requires and ends with the last") {
  auto two = PoolExecutor::create(2).value();
  auto five = PoolExecutor::create(5).value();
  CHECK(ThreadPool::shared(0).value()->helpers() == 4);
  five.reset();
  CHECK(ThreadPool::shared(1).value()->helpers() == 4);  // threads stay as long as there is a session
  two.reset();
  CHECK(ThreadPool::shared(1).value()->helpers() == 1);
}

TEST_CASE("an executor gets no more helpers than it asked for") {
  const auto wide = PoolExecutor::create(8).value();
  const auto narrow = PoolExecutor::create(2).value();
  check_rounds(*narrow, 40);  // slots are checked
}

TEST_CASE("under another CPU affinity there is another pool") {
  const auto pool = ThreadPool::shared(1).value();
  bool differs = false, other = false, again = false;
  std::thread([&] {
    {
      const narrow::testing::BoundToOneCpu one_cpu;
      differs = one_cpu.takes_cpus_away();
      other = ThreadPool::shared(1).value() != pool;
    }
    again = ThreadPool::shared(1).value() == pool;
  }).join();
  CHECK(other == differs);
  CHECK(again);
}

#if defined(__linux__)
TEST_CASE("a helper that waits on the caller's CPU is moved to another one") {
  const auto executor = PoolExecutor::create(2).value();
  cpu_set_t all;
  REQUIRE(::sched_getaffinity(0, sizeof(all), &all) == 0);
  if (CPU_COUNT(&all) < 2) {
    MESSAGE("[skipped] there is one CPU");
    return;
  }
  const narrow::testing::BoundToOneCpu caller;
  const int here = ::sched_getcpu();
  // What the helper does in its part of a loop: slot 1, waited for by the caller.
  const auto on_helper = [&](const auto& action) {
    const PoolExecutor::Run run(executor.get());
    std::atomic<bool> done = false;
    executor->parallel_for(2, [&](int, int slot) {
      if (slot == 1 && !done) action();
      if (slot == 1) done = true;
      while (!done) std::this_thread::yield();
    });
  };
  on_helper([&] {
    cpu_set_t callers;
    CPU_ZERO(&callers);
    CPU_SET(here, &callers);
    ::sched_setaffinity(0, sizeof(callers), &callers);
  });
  cpu_set_t now;
  CPU_ZERO(&now);
  for (int tries = 0; tries < 1000 && !(CPU_COUNT(&now) > 0 && !CPU_ISSET(here, &now)); ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the helper falls asleep
    on_helper([&] { ::sched_getaffinity(0, sizeof(now), &now); });
  }
  CHECK_FALSE(CPU_ISSET(here, &now));
  CPU_OR(&now, &now, &all);
  CHECK(CPU_EQUAL(&now, &all));  // and no CPU that the process does not have
}
#endif

TEST_CASE("a pool that never worked ends") { CHECK(PoolExecutor::create(16).ok()); }

TEST_CASE("zero threads are as many as there are CPUs") {
  CHECK(PoolExecutor::create(0).value()->concurrency() == narrow::available_threads());
}

TEST_CASE("a number of threads out of bounds is an error that says the bounds") {
  for (const int threads : {-1, 257}) {
    const auto executor = PoolExecutor::create(threads);
    REQUIRE_FALSE(executor.ok());
    CHECK(executor.error().text().find("1 to 256") != std::string::npos);
  }
}

TEST_CASE("a time to spin out of bounds is an error that says the bounds") {
  for (const int spin_us : {-1, 10'001}) {
    const auto executor = PoolExecutor::create(2, spin_us);
    REQUIRE_FALSE(executor.ok());
    CHECK(executor.error().where == "spin_us");
    CHECK(executor.error().text().find("0 to 10000") != std::string::npos);
  }
}
