#include "engine/thread_pool.h"

#include <algorithm>
#include <new>
#include <string>
#include <system_error>

namespace narrow::engine {

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads) {
  if (threads < 1 || threads > kMaxThreads) {
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(threads) + " is not a number of threads; valid are 1 to " + std::to_string(kMaxThreads),
                 "threads"};
  }
  std::unique_ptr<ThreadPool> pool(new ThreadPool);
  try {
    pool->workers_.reserve(static_cast<std::size_t>(threads - 1));
    for (int slot = 1; slot < threads; ++slot)
      pool->workers_.emplace_back([raw = pool.get(), slot] { raw->work(slot); });
  } catch (const std::system_error& error) {
    return Error{ErrorCode::kLimit,
                 "the system refuses to start thread " + std::to_string(pool->concurrency()) + " of " +
                     std::to_string(threads) + ": " + error.what(),
                 "threads"};
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::drain(const std::function<void(int, int)>& task, int count, int slot) {
  for (int index = next_.fetch_add(1); index < count; index = next_.fetch_add(1)) task(index, slot);
}

void ThreadPool::parallel_for(int count, const std::function<void(int index, int slot)>& task) {
  if (count <= 1 || workers_.empty()) {
    for (int index = 0; index < count; ++index) task(index, 0);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    next_ = 0;
    task_ = &task;
    count_ = count;
    ++generation_;
  }
  const int helpers = std::min(count - 1, static_cast<int>(workers_.size()));
  for (int i = 0; i < helpers; ++i) wake_.notify_one();
  drain(task, count, 0);
  std::unique_lock lock(mutex_);
  task_ = nullptr;
  idle_.wait(lock, [this] { return joined_ == 0; });
}

void ThreadPool::work(int slot) {
  std::uint64_t seen = 0;
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return stop_ || (task_ != nullptr && generation_ != seen); });
    if (stop_) return;
    seen = generation_;
    const std::function<void(int, int)>& task = *task_;
    const int count = count_;
    ++joined_;
    lock.unlock();
    drain(task, count, slot);
    lock.lock();
    if (--joined_ == 0) idle_.notify_one();
  }
}

}  // namespace narrow::engine
