#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace narrow::base {

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t, int)>& body) {
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> failed{count};  // the smallest index whose body threw
  std::exception_ptr problem;
  std::mutex mutex;
  const auto work = [&](int slot) {
    for (std::size_t index = next++; index < failed.load(); index = next++) {
      try {
        body(index, slot);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (index < failed.load()) {
          failed.store(index);
          problem = std::current_exception();
        }
      }
    }
  };
  const auto wanted = std::min(count, static_cast<std::size_t>(std::max(threads, 1)));
  {
    std::vector<std::jthread> pool;
    for (std::size_t i = 1; i < wanted; ++i) {
      try {
        pool.emplace_back(work, static_cast<int>(i));
      } catch (const std::exception&) {  // no thread, or no memory for one
        break;
      }
    }
    work(0);
  }
  if (problem) std::rethrow_exception(problem);
}

}  // namespace narrow::base
