#include "engine/session/plan_runner.h"

#include <algorithm>
#include <chrono>

#include "base/arithmetic.h"
#include "base/float_environment.h"
#include "narrow/executor.h"

namespace narrow::engine {

PlanRunner::PlanRunner(const Plan& plan, Executor& executor, std::int64_t handover_cost,
                       const Cancellation* cancellation)
    : plan_(plan),
      executor_(executor),
      concurrency_(executor.concurrency()),
      handover_cost_(handover_cost),
      cancellation_(cancellation),
      partitions_(plan.steps.size()),
      task_([this](int part, int slot) { run_part(part, slot); }) {}

Partition PlanRunner::partition(const Step& step, std::int64_t batch) const {
  return choose_partition(step.work(), batch, concurrency_, handover_cost_);
}

PlanRunner::Outcome PlanRunner::run(const RunContext& context, std::int64_t batch, std::span<std::int64_t> step_ns,
                                    std::size_t first_step) {
  context_ = context;
  broke_contract_ = false;
  if (batch != batch_) {
    for (std::size_t i = 0; i < partitions_.size(); ++i) partitions_[i] = partition(*plan_.steps[i], batch);
    batch_ = batch;
  }
  const auto outcome = [this] {
    if (broke_contract_) return Outcome::kBrokenExecutor;
    return cancelled() ? Outcome::kCancelled : Outcome::kDone;
  };
  if (step_ns.empty()) {
    for (std::size_t i = first_step; i < partitions_.size() && !cancelled(); ++i) run_step(i);
    return outcome();
  }
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  for (std::size_t i = first_step; i < partitions_.size() && !cancelled(); ++i) {
    run_step(i);
    const Clock::time_point end = Clock::now();
    step_ns[i] = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
    begin = end;
  }
  return outcome();
}

void PlanRunner::run_step(std::size_t index) {
  step_ = plan_.steps[index].get();
  now_ = partitions_[index];
  if (now_.parts() == 1) {
    run_part(0, 0);
  } else {
    executor_.parallel_for(now_.parts(), task_);
  }
}

void PlanRunner::run_part(int part, int slot) {
  if (part < 0 || part >= now_.parts() || slot < 0 || slot >= concurrency_) {
    broke_contract_ = true;
    return;
  }
  const base::DefaultFloatEnvironment environment;
  const Work work = step_->work();
  const Part all = part_of(work, batch_, now_, part);
  if (cancellation_ == nullptr) {
    step_->run_part(context_, all, slot);
    return;
  }
  // In pieces, so that cancelling does not wait for a long step. A piece takes about 10 ms.
  constexpr std::int64_t kPieceCost = std::int64_t{1} << 30;
  const std::int64_t rows = std::max<std::int64_t>(kPieceCost / std::max<std::int64_t>(work.cost_per_row, 1), 1);
  const std::int64_t piece = base::round_up(rows, work.row_step);
  for (Part next = all; next.row_begin < all.row_end && !cancelled(); next.row_begin = next.row_end) {
    next.row_end = std::min(next.row_begin + piece, all.row_end);
    step_->run_part(context_, next, slot);
  }
}

}  // namespace narrow::engine
