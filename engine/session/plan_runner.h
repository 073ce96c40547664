// Runs a plan's steps one after the other, each divided into parts that an executor runs at the same time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/plan/partition.h"
#include "engine/plan/plan.h"
#include "narrow/session.h"

namespace narrow::engine {

class PlanRunner {
 public:
  // All must outlive the runner, which stays where it is: the executor is handed a function that points to it.
  PlanRunner(const Plan& plan, Executor& executor, std::int64_t handover_cost);
  PlanRunner(const PlanRunner&) = delete;
  PlanRunner& operator=(const PlanRunner&) = delete;

  // Allocates nothing. step_ns: empty, or one for each step, in nanoseconds. Returns whether the executor kept its
  // promises; passes on what it throws.
  [[nodiscard]] bool run(const RunContext& context, std::int64_t batch, std::span<std::int64_t> step_ns);

  // How the step would be divided for a batch of pictures.
  [[nodiscard]] Partition partition(const Step& step, std::int64_t batch) const;
  [[nodiscard]] int concurrency() const { return concurrency_; }

 private:
  void run_step(std::size_t index);
  void run_part(int part, int slot);

  const Plan& plan_;
  Executor& executor_;
  int concurrency_;
  std::int64_t handover_cost_;
  std::vector<Partition> partitions_;  // of each step, for a batch of batch_
  std::int64_t batch_ = 0;

  // The step that runs now.
  RunContext context_;
  const Step* step_ = nullptr;
  Partition now_;
  std::atomic<bool> broke_contract_{false};
  std::function<void(int, int)> task_;
};

}  // namespace narrow::engine
