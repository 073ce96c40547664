// The built-in executor. All sessions of a process share its helper threads, which sleep when there is no work.
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

#include "engine/session/team.h"
#include "narrow/executor.h"
#include "narrow/result.h"
#include "narrow/session.h"

namespace narrow::engine {

inline constexpr int kMaxThreads = 256;

// Runs any number of parallel loops at a time. The thread that begins a loop takes part in it and can finish it without
// helpers. When loops run concurrently, the first takes the helpers and keeps them until it has no more; the others use
// only their calling thread.
class ThreadPool {
 public:
  // Returns the pool for the calling thread's CPU affinity, which helpers inherit, with at least `helpers` helper
  // threads. The pool ends with the last pointer to it. Errors: kLimit (the system refuses to start a thread).
  [[nodiscard]] static Result<std::shared_ptr<ThreadPool>> shared(int helpers);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Calls task(index, slot) for all indices below count and returns. The caller has slot 0.
  void run(Team& team, int count, const std::function<void(int, int)>& task);
  // Between begin_run and end_run, helpers that are awake poll for a while before they sleep, because waking up takes
  // longer than small layers do. begin_run wakes `helpers` of them, so that they are awake when the first loop comes.
  void begin_run(int helpers);
  void end_run() { runs_.fetch_sub(1); }

  [[nodiscard]] int helpers();

 private:
  struct Helper {
    std::thread thread;
    std::atomic<int> cpu{-1};  // where it last looked for a loop; -1: unknown
    int slot = 1;              // in the last team that it was with
  };

  explicit ThreadPool(std::vector<unsigned long> affinity);
  Status grow(int helpers);
  void work(Helper& helper);
  void serve(Team& team, Helper& helper, std::uint64_t& last);
  void keep_off_this_cpu();
  void call_helpers(Team& team);
  void remove(const Team& team);
  // The oldest team that called helpers, lacks one and has indices left, after it has taken the helper; nullptr: none.
  [[nodiscard]] std::shared_ptr<Team> join_team(Helper& helper);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::unique_ptr<Helper>> helpers_;
  std::vector<unsigned long> affinity_;  // of the pool, one bit per CPU; empty: unknown
  int cpus_ = 0;                         // in affinity_
  std::atomic<int> helper_count_{0};
  Team* callers_ = nullptr;  // teams that called helpers for the loop that they are in
  bool stop_ = false;
  std::atomic<std::uint64_t> calls_{0};  // changes with every call for helpers, for threads that poll
  std::atomic<int> runs_{0};             // runs in progress
};

// Executor of one session: its calling thread and up to threads - 1 helpers.
class PoolExecutor final : public Executor {
 public:
  // threads: 1..kMaxThreads, or 0 for the number of CPUs of this process. spin_us: 0..kMaxSpinUs, see SessionOptions.
  // Errors: kInvalidArgument, and those of ThreadPool::shared.
  [[nodiscard]] static Result<std::unique_ptr<PoolExecutor>> create(int threads, int spin_us = 0);

  [[nodiscard]] int concurrency() const override { return threads_; }
  void parallel_for(int count, const std::function<void(int index, int slot)>& task) override;

  // Marks a time in which parallel loops follow each other closely.
  class Run {
   public:
    explicit Run(PoolExecutor* executor);
    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

   private:
    PoolExecutor* executor_;  // nullptr: no helpers
  };

 private:
  explicit PoolExecutor(int threads) : threads_(threads) {}
  int threads_;
  std::shared_ptr<ThreadPool> pool_;  // nullptr: one thread
  std::shared_ptr<Team> team_;
  bool posts_ = true;  // the run had a parallel loop; if the last had none, the next does not wake helpers early
};

inline constexpr int kMaxSpinUs = 10'000;

}  // namespace narrow::engine
