#include "apps/run/threads.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace narrow::cli {

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t, int)>& body) {
  std::atomic<std::size_t> next{0};
  const auto work = [&](int slot) {
    for (std::size_t index = next++; index < count; index = next++) body(index, slot);
  };
  const auto helpers = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  std::vector<std::thread> pool;
  for (std::size_t i = 1; i < helpers; ++i) pool.emplace_back(work, static_cast<int>(i));
  work(0);
  for (std::thread& thread : pool) thread.join();
}

}  // namespace narrow::cli
