// The built-in executor: threads that sleep when there is nothing to do.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "narrow/result.h"
#include "narrow/session.h"

namespace narrow::engine {

inline constexpr int kMaxThreads = 256;

// One parallel_for at a time. The calling thread works along as slot 0; with one thread it works alone.
class ThreadPool final : public Executor {
 public:
  // Starts threads - 1 threads. Errors: kInvalidArgument (threads not in 1..kMaxThreads), kLimit (the system refuses).
  [[nodiscard]] static Result<std::unique_ptr<ThreadPool>> create(int threads);
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int concurrency() const override { return static_cast<int>(workers_.size()) + 1; }
  void parallel_for(int count, const std::function<void(int index, int slot)>& task) override;

 private:
  ThreadPool() = default;
  void work(int slot);
  // Runs indices that nobody has taken yet.
  void drain(const std::function<void(int, int)>& task, int count, int slot);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;  // of the workers: there is a job, or the end
  std::condition_variable idle_;  // of the caller: nobody works on the job any more
  // The job. A worker joins it under the mutex while task_ is set, so one that wakes up late finds nothing and nobody
  // waits for it; the caller takes the job away before it waits for those that joined.
  const std::function<void(int, int)>* task_ = nullptr;
  int count_ = 0;
  std::uint64_t generation_ = 0;
  int joined_ = 0;
  bool stop_ = false;
  std::atomic<int> next_{0};
};

}  // namespace narrow::engine
