// What a Session owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "base/aligned_buffer.h"
#include "engine/plan/plan.h"
#include "engine/session/plan_runner.h"
#include "engine/session/thread_pool.h"
#include "narrow/preprocessor.h"
#include "narrow/session.h"

namespace narrow::engine {

[[nodiscard]] inline Error moved_from() { return {ErrorCode::kInvalidArgument, "was moved to another one", "session"}; }

}  // namespace narrow::engine

namespace narrow {
inline namespace v0 {

struct Session::Impl {
  explicit Impl(const SessionOptions& session_options) : options(session_options) {}

  // Runs the steps from `first_step` on, with what is in context.input or in the arena. Checks the size of `scores`.
  [[nodiscard]] Status run_from(std::size_t first_step, std::size_t batch, std::span<float> scores,
                                std::span<std::int64_t> step_ns);

  SessionOptions options;
  Isa isa = Isa::kScalar;
  kernels::Core core = kernels::kDefaultCore;
  engine::Plan plan;
  std::unique_ptr<engine::PoolExecutor> pool;
  base::AlignedBuffer arena;
  std::int64_t input_elems = 0;
  std::int64_t classes = 0;
  std::size_t readable_batch = 0;  // of the latest run, if it succeeded; else 0

  engine::RunContext context;
  std::optional<engine::PlanRunner> runner;

  // Of frames: made with the first one.
  std::optional<Preprocessor> preprocessor;
  base::AlignedBuffer frame_input;  // floats, where the network does not begin with integers
};

}  // namespace v0
}  // namespace narrow
