// Runs the steps of a plan in order. Each step is divided into parts, which an executor runs at the same time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/plan/partition.h"
#include "engine/plan/plan.h"
#include "narrow/executor.h"
#include "narrow/session.h"

namespace narrow::engine {

class PlanRunner {
 public:
  enum class Outcome { kDone, kCancelled, kBrokenExecutor };

  // The plan, the executor and the cancellation must outlive the runner. The runner can't be moved, because the
  // executor calls a function that points to it. handover_cost: cost of waking other threads, see choose_partition.
  // cancellation: nullptr if runs can't be cancelled.
  PlanRunner(const Plan& plan, Executor& executor, std::int64_t handover_cost,
             const Cancellation* cancellation = nullptr);
  PlanRunner(const PlanRunner&) = delete;
  PlanRunner& operator=(const PlanRunner&) = delete;

  // Runs the steps from `first_step` on for `batch` images. step_ns receives the wall-clock time of each step in
  // nanoseconds, unless it is empty. Allocates nothing. Exceptions of the executor leave this function.
  [[nodiscard]] Outcome run(const RunContext& context, std::int64_t batch, std::span<std::int64_t> step_ns,
                            std::size_t first_step = 0);

  // The partition of the step for a batch of images.
  [[nodiscard]] Partition partition(const Step& step, std::int64_t batch) const;
  [[nodiscard]] int concurrency() const { return concurrency_; }

 private:
  void run_step(std::size_t index);
  void run_part(int part, int slot);
  [[nodiscard]] bool cancelled() const { return cancellation_ != nullptr && cancellation_->cancelled(); }

  const Plan& plan_;
  Executor& executor_;
  int concurrency_;
  std::int64_t handover_cost_;
  const Cancellation* cancellation_;
  std::vector<Partition> partitions_;  // of each step, for a batch of batch_
  std::int64_t batch_ = 0;

  // State of the step that is running.
  RunContext context_;
  const Step* step_ = nullptr;
  Partition now_;
  std::atomic<bool> broke_contract_{false};
  std::function<void(int, int)> task_;
};

}  // namespace narrow::engine
