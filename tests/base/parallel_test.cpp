// The parallel loop: each index once, no slot twice at a time, exceptions brought back.
#include "base/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace narrow::base {

TEST_CASE("a loop over nothing calls nothing, whatever the number of threads") {
  for (const int threads : {-1, 0, 1, 8}) {
    parallel_for(0, threads, [](std::size_t, int) { FAIL("called"); });
  }
}

TEST_CASE("every index is called once, and no slot is used twice at a time") {
  for (const int threads : {0, 1, 2, 7, 64}) {
    CAPTURE(threads);
    std::vector<std::atomic<int>> calls(100);
    std::vector<std::atomic<int>> busy(64);
    std::atomic<bool> shared = false;
    parallel_for(calls.size(), threads, [&](std::size_t index, int slot) {
      if (slot < 0 || slot >= std::max(threads, 1) || busy[static_cast<std::size_t>(slot)]++ != 0) shared = true;
      ++calls[index];
      --busy[static_cast<std::size_t>(slot)];
    });
    CHECK_FALSE(shared);
    for (const auto& count : calls) CHECK(count == 1);
  }
}

TEST_CASE("of several exceptions that of the smallest index comes out, after all threads have ended") {
  for (const int threads : {1, 2, 8}) {
    CAPTURE(threads);
    std::atomic<int> running = 0;
    std::string message;
    try {
      parallel_for(50, threads, [&](std::size_t index, int) {
        ++running;
        const bool fails = index >= 3;
        --running;
        if (fails) throw std::runtime_error(std::to_string(index));
      });
    } catch (const std::runtime_error& error) {
      message = error.what();
    }
    CHECK(running == 0);
    CHECK(message == "3");
  }
}

}  // namespace narrow::base
