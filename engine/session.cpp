#include "narrow/session.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <new>

#include "engine/aligned_buffer.h"
#include "engine/isa_choice.h"
#include "engine/model_data.h"
#include "engine/nrw_file.h"
#include "engine/plan.h"
#include "engine/thread_pool.h"
#include "graph/float_environment.h"

namespace narrow {
namespace {

using engine::AlignedBuffer;
using engine::Plan;
using engine::RunContext;
using engine::Step;
using graph::DefaultFloatEnvironment;

constexpr int kMaxBatch = 65536;
// A part of a step should take longer than handing it to another thread does: a few microseconds.
constexpr std::int64_t kMinPartCost = 64 * 1024;
// More parts than threads even out threads that are held up.
constexpr int kPartsPerThread = 4;

Error invalid(const char* where, std::string message) {
  return {ErrorCode::kInvalidArgument, std::move(message), where};
}

Status check_options(const SessionOptions& options) {
  if (options.max_batch < 1 || options.max_batch > kMaxBatch) {
    return invalid("max_batch", std::to_string(options.max_batch) + " is not a batch size; valid are 1 to " +
                                    std::to_string(kMaxBatch));
  }
  if (options.executor == nullptr) return {};  // the pool checks `threads`
  const int concurrency = options.executor->concurrency();
  if (concurrency < 1 || concurrency > engine::kMaxThreads) {
    return invalid("executor", "its concurrency is " + std::to_string(concurrency) + "; valid are 1 to " +
                                   std::to_string(engine::kMaxThreads));
  }
  return {};
}

}  // namespace

struct Session::Impl {
  explicit Impl(Model session_model) : model(std::move(session_model)) {}

  Model model;  // keeps weights that the plan points to
  Isa isa = Isa::kScalar;
  Plan plan;
  std::unique_ptr<engine::ThreadPool> pool;
  Executor* executor = nullptr;
  int concurrency = 1;
  int max_batch = 1;
  AlignedBuffer arena;
  std::int64_t input_elems = 0;
  std::int64_t classes = 0;

  // The step that runs now. The executor is handed `part_task`, made once, so that running allocates nothing.
  RunContext context;
  const Step* step = nullptr;
  std::int64_t rows = 0;
  int parts = 0;
  std::atomic<bool> executor_broke_contract{false};
  std::function<void(int, int)> part_task = [this](int part, int slot) { run_part(part, slot); };

  void run_part(int part, int slot) {
    if (part < 0 || part >= parts || slot < 0 || slot >= concurrency) {
      executor_broke_contract = true;
      return;
    }
    const DefaultFloatEnvironment environment;
    const std::int64_t begin = first_row(part);
    const std::int64_t end = first_row(part + 1);
    if (begin < end) step->run(context, begin, end, slot);
  }

  [[nodiscard]] std::int64_t first_row(int part) const {
    const std::int64_t row = rows * part / parts;
    return part == parts ? row : row - row % step->rows() % step->row_step();
  }

  void run_step(const Step& next, std::int64_t batch) {
    step = &next;
    rows = next.rows() * batch;
    // A product of both could overflow.
    const std::int64_t wanted = next.cost_per_row() >= kMinPartCost ? rows : rows * next.cost_per_row() / kMinPartCost;
    const std::int64_t most = concurrency == 1 ? 1 : std::int64_t{concurrency} * kPartsPerThread;
    parts = static_cast<int>(std::clamp<std::int64_t>(wanted, 1, most));
    if (parts == 1) {
      run_part(0, 0);
    } else {
      executor->parallel_for(parts, part_task);
    }
  }

  void run_plan(std::int64_t batch, std::span<std::int64_t> step_ns) {
    if (step_ns.empty()) {
      for (const auto& next : plan.steps) run_step(*next, batch);
      return;
    }
    using Clock = std::chrono::steady_clock;
    Clock::time_point begin = Clock::now();
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      run_step(*plan.steps[i], batch);
      const Clock::time_point end = Clock::now();
      step_ns[i] = std::chrono::duration_cast<std::chrono::nanoseconds>(end - begin).count();
      begin = end;
    }
  }
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  try {
    const DefaultFloatEnvironment environment;
    NARROW_TRY(check_options(options));
    auto impl = std::make_unique<Impl>(model);
    NARROW_ASSIGN(impl->isa, engine::choose_isa(options.isa, std::getenv("NARROW_ISA"), kernels::cpu_features()));
    NARROW_TRY(engine::check_model(model.data()));
    NARROW_ASSIGN(impl->plan, engine::compile(model.data().graph, impl->isa, options.max_batch));
    if (options.executor != nullptr) {
      impl->executor = options.executor;
    } else {
      NARROW_ASSIGN(impl->pool, engine::ThreadPool::create(options.threads));
      impl->executor = impl->pool.get();
    }
    impl->concurrency = impl->executor->concurrency();
    impl->max_batch = options.max_batch;

    const Plan& plan = impl->plan;
    std::size_t arena_bytes = 0;
    if (__builtin_mul_overflow(plan.workspace_bytes, static_cast<std::size_t>(impl->concurrency), &arena_bytes) ||
        __builtin_add_overflow(arena_bytes, plan.tensor_bytes, &arena_bytes)) {
      return Error{ErrorCode::kLimit, "the network's memory can't be addressed; use a smaller max_batch", "session"};
    }
    NARROW_ASSIGN(impl->arena,
                  AlignedBuffer::allocate(
                      arena_bytes, "the tensors of " + std::to_string(options.max_batch) + " pictures (max_batch)"));
    impl->context.arena = impl->arena.data();
    impl->context.workspaces = impl->arena.data() + plan.tensor_bytes;
    impl->context.workspace_bytes = plan.workspace_bytes;
    impl->input_elems = model.input_shape().elems();
    impl->classes = model.classes();
    return Session(std::move(impl));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "there is not enough memory for a session of this model", "session"};
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, std::string("the executor failed: ") + error.what(), "session"};
  }
}

Status Session::run(std::span<const float> input, std::span<float> scores) { return run_steps(input, scores, {}); }

Status Session::profile(std::span<const float> input, std::span<float> scores, std::span<std::int64_t> step_ns) {
  const std::size_t steps = impl_->plan.steps.size();
  if (step_ns.size() != steps) {
    return invalid("step_ns", "there is room for " + std::to_string(step_ns.size()) + " times, but the network has " +
                                  std::to_string(steps) + " steps");
  }
  return run_steps(input, scores, step_ns);
}

Status Session::run_steps(std::span<const float> input, std::span<float> scores, std::span<std::int64_t> step_ns) {
  const auto input_elems = static_cast<std::size_t>(impl_->input_elems);
  const auto classes = static_cast<std::size_t>(impl_->classes);
  const std::size_t batch = input.size() / input_elems;
  if (batch < 1 || input.size() % input_elems != 0 || batch > static_cast<std::size_t>(impl_->max_batch)) {
    return invalid("input", std::to_string(input.size()) + " values are not 1 to " + std::to_string(impl_->max_batch) +
                                " (max_batch) pictures of " + std::to_string(input_elems));
  }
  if (scores.size() != batch * classes) {
    return invalid("scores", "there is room for " + std::to_string(scores.size()) + " scores, but " +
                                 std::to_string(batch) + " pictures with " + std::to_string(classes) +
                                 " classes have " + std::to_string(batch * classes));
  }
  impl_->context.input = reinterpret_cast<const std::byte*>(input.data());
  impl_->context.scores = reinterpret_cast<std::byte*>(scores.data());
  impl_->executor_broke_contract = false;
  try {
    impl_->run_plan(static_cast<std::int64_t>(batch), step_ns);
  } catch (const std::exception& error) {
    // Steps don't throw: this is the caller's executor.
    return Error{ErrorCode::kInvalidArgument, std::string("it threw: ") + error.what(), "executor"};
  }
  if (impl_->executor_broke_contract) {
    return invalid("executor", "it called a task with an index or a slot out of range");
  }
  return {};
}

Result<std::vector<float>> Session::classify(const Picture& picture) {
  const TensorShape shape = impl_->model.input_shape();
  if (shape.channels != impl_->model.preprocessing().channels) {
    return Error{ErrorCode::kUnsupported,
                 "the network takes " + std::to_string(shape.channels) + " channels, and its preprocessing makes " +
                     std::to_string(impl_->model.preprocessing().channels) +
                     "; preprocess pictures yourself and call run",
                 "input"};
  }
  std::vector<float> input(static_cast<std::size_t>(impl_->input_elems));
  NARROW_TRY(preprocess(picture, impl_->model.preprocessing(), input));
  std::vector<float> scores(static_cast<std::size_t>(impl_->classes));
  NARROW_TRY(run(input, scores));
  return scores;
}

const Model& Session::model() const { return impl_->model; }

std::string Session::isa() const { return std::string(kernels::isa_name(impl_->isa)); }

std::size_t Session::arena_bytes() const { return impl_->arena.size(); }

MemoryInfo Session::memory() const {
  const Plan& plan = impl_->plan;
  return {plan.tensor_bytes, plan.largest_live_bytes,
          plan.workspace_bytes * static_cast<std::size_t>(impl_->concurrency)};
}

std::vector<StepInfo> Session::steps() const {
  std::vector<StepInfo> steps;
  for (const auto& step : impl_->plan.steps) step->describe(steps);
  return steps;
}

}  // namespace narrow
