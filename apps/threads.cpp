#include "threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace narrow::cli {

namespace {

// Control group v2 as seen from inside a container: "max 100000" or "<quota> <period>", in microseconds.
int quota_cores() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  long quota = 0;
  long period = 0;
  if (!(file >> quota >> period) || quota <= 0 || period <= 0) return 0;
  return static_cast<int>(std::clamp((quota + period - 1) / period, 1L, 4096L));
}

}  // namespace

int available_cores() {
  int cores = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) cores = CPU_COUNT(&set);
  const int quota = quota_cores();
  if (quota > 0) cores = std::min(cores, quota);
  return std::max(cores, 1);
}

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
