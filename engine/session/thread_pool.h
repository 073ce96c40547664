// The built-in executor: helper threads that all sessions of a process share, and that sleep when there is nothing to
// do.
#pragma once

#include <atomic>
#include <chrono>
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

// Works on any number of jobs at a time. A job belongs to the thread that posts it, which works along and needs no
// helper to get it done: who has taken helpers first keeps them for as long as a job lasts, and others work alone.
class ThreadPool {
 public:
  // The pool of all who ask with the same CPU affinity (helpers inherit it), with at least `helpers` of them. It ends
  // with the last one who holds it. Errors: kLimit (the system refuses to start a thread).
  [[nodiscard]] static Result<std::shared_ptr<ThreadPool>> shared(int helpers);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // One parallel loop. Lives with the one who posts it.
  struct Job {
    const std::function<void(int, int)>* task = nullptr;
    int count = 0;
    int seats = 0;                     // helpers that may join
    std::chrono::nanoseconds spin{0};  // how long who waits polls before it sleeps; within a run, longer (begin_run)
    std::atomic<int> next{0};
    int joined = 0;              // helpers so far, under the mutex; the last one's slot
    std::atomic<int> active{0};  // helpers that are at work; changes under the mutex
    std::condition_variable idle;
    Job* following = nullptr;  // in the list of jobs
  };
  // Returns when task(index, slot) has been called for all indices; slot 0 is the caller.
  void run(Job& job);
  // In between, who has worked looks for more for a while rather than sleep: waking up takes longer than small layers
  // do.
  void begin_run() { runs_.fetch_add(1); }
  void end_run() { runs_.fetch_sub(1); }

  [[nodiscard]] int helpers();

 private:
  ThreadPool() = default;
  Status grow(int helpers);
  void work();
  void post(Job& job);
  void remove(const Job& job);
  [[nodiscard]] Job* open_job() const;  // with a free seat and indices left; the oldest

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::thread> threads_;
  Job* jobs_ = nullptr;
  bool stop_ = false;
  std::atomic<std::uint64_t> posted_{0};  // for those who poll
  std::atomic<int> runs_{0};              // that are under way
};

// What a session runs on: itself and up to threads - 1 helpers.
class PoolExecutor final : public Executor {
 public:
  // threads: 1..kMaxThreads; 0: as many as this process has CPUs. spin_us: 0..kMaxSpinUs, see SessionOptions.
  // Errors: kInvalidArgument, and those of the pool.
  [[nodiscard]] static Result<std::unique_ptr<PoolExecutor>> create(int threads, int spin_us = 0);

  [[nodiscard]] int concurrency() const override { return threads_; }
  void parallel_for(int count, const std::function<void(int index, int slot)>& task) override;

  // Many parallel loops, one soon after the other.
  class Run {
   public:
    explicit Run(const PoolExecutor* executor) : pool_(executor == nullptr ? nullptr : executor->pool_.get()) {
      if (pool_ != nullptr) pool_->begin_run();
    }
    ~Run() {
      if (pool_ != nullptr) pool_->end_run();
    }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    ThreadPool* pool_;
  };

 private:
  explicit PoolExecutor(int threads) : threads_(threads) {}
  int threads_;
  std::shared_ptr<ThreadPool> pool_;  // nullptr: one thread
  ThreadPool::Job job_;
};

inline constexpr int kMaxSpinUs = 10'000;

}  // namespace narrow::engine
