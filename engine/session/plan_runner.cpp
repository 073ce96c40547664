#include "engine/session/plan_runner.h"

#include <chrono>

#include "base/float_environment.h"
#include "narrow/executor.h"

namespace narrow::engine {

PlanRunner::PlanRunner(const Plan& plan, Executor& executor, std::int64_t handover_cost)
    : plan_(plan),
      executor_(executor),
      concurrency_(executor.concurrency()),
      handover_cost_(handover_cost),
      partitions_(plan.steps.size()),
      task_([this](int part, int slot) { run_part(part, slot); }) {}

Partition PlanRunner::partition(const Step& step, std::int64_t batch) const {
  return choose_partition(step.work(), batch, concurrency_, handover_cost_);
}

bool PlanRunner::run(const RunContext& context, std::int64_t batch, std::span<std::int64_t> step_ns) {
  context_ = context;
  broke_contract_ = false;
  if (batch != batch_) {
    for (std::size_t i = 0; i < partitions_.size(); ++i) partitions_[i] = partition(*plan_.steps[i], batch);
    batch_ = batch;
  }
  if (step_ns.empty()) {
    for (std::size_t i = 0; i < partitions_.size(); ++i) run_step(i);
    return !broke_contract_;
  }
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin = Clock::now();
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    run_step(i);
    const Clock::time_point end = Clock::now();
    step_ns[i] = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
    begin = end;
  }
  return !broke_contract_;
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
  step_->run_part(context_, part_of(step_->work(), batch_, now_, part), slot);
}

}  // namespace narrow::engine
