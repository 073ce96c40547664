#include "narrow/session.h"
#include "narrow/executor.h"
#include "narrow/inspect.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <optional>

#include "base/aligned_buffer.h"
#include "base/atomic_file.h"
#include "base/float_environment.h"
#include "base/guarded.h"
#include "base/text.h"
#include "base/try.h"
#include "engine/isa/isa_choice.h"
#include "engine/model/model_data.h"
#include "engine/packed/packed_file.h"
#include "engine/plan/plan.h"
#include "engine/session/input_check.h"
#include "engine/session/session_impl.h"
#include "engine/session/thread_pool.h"

namespace narrow {
inline namespace v0 {
namespace {

using base::AlignedBuffer;
using base::DefaultFloatEnvironment;
using engine::Plan;

constexpr int kMaxBatch = 65536;
// Cost of waking other threads, in the unit of Work. Within a run the helper threads of the pool are awake.
constexpr std::int64_t kTellCost = 64 * 1024;

Error invalid(const char* where, base::Pieces message) {
  return {ErrorCode::kInvalidArgument, base::joined(message), where};
}

Status check_options(const SessionOptions& options) {
  if (options.max_batch < 1 || options.max_batch > kMaxBatch) {
    return invalid("max_batch", {options.max_batch, " is not a batch size; valid are 1 to ", kMaxBatch});
  }
  if (options.executor == nullptr) return {};  // the pool checks `threads`
  const int concurrency = options.executor->concurrency();
  if (concurrency < 1 || concurrency > engine::kMaxThreads) {
    return invalid("executor", {"its concurrency is ", concurrency, "; valid are 1 to ", engine::kMaxThreads});
  }
  return {};
}

}  // namespace

Session::Session(const Model& model, std::unique_ptr<Impl> impl) : model_(model), impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&& other) noexcept {
  impl_ = std::move(other.impl_);  // before the model, which owns what it points to
  model_ = other.model_;
  return *this;
}
Session::~Session() = default;

Result<Session> Session::create(const Model& model, const SessionOptions& options) {
  return base::guarded([&]() -> Result<Session> {
    const DefaultFloatEnvironment environment;
    NARROW_TRY(check_options(options));
    auto impl = std::make_unique<Impl>(options);
    NARROW_ASSIGN(impl->isa, engine::choose_isa(options.isa, std::getenv("NARROW_ISA"), kernels::cpu_features()));
    impl->options.isa = kernels::isa_name(impl->isa);
    NARROW_ASSIGN(impl->core, engine::choose_core(options.core, std::getenv("NARROW_CORE")));
    impl->options.core = kernels::core_name(impl->core);
    const engine::ModelData& data = model.data();
    if (!data.shared_layers.checked()) {
      NARROW_TRY(engine::check_model(data));
      data.shared_layers.set_checked();
    }
    engine::LoadLayers load;
    if (!options.packed.empty()) {
      load = [&]() -> Result<std::shared_ptr<const engine::StoredLayers>> {
        NARROW_ASSIGN(const std::string key,
                      engine::packed_key(data.shared_layers.identity(), {impl->isa, impl->core}));
        return engine::open_packed(options.packed, key, options.max_memory_bytes);
      };
    }
    NARROW_ASSIGN(impl->plan, engine::compile(data, {impl->isa, impl->core}, options.max_batch,
                                              {options.max_memory_bytes, options.max_operations}, options.outputs,
                                              options.allocator, load));
    Executor* executor = options.executor;
    if (executor == nullptr) {
      NARROW_ASSIGN(impl->pool, engine::PoolExecutor::create(options.threads, options.spin_us));
      executor = impl->pool.get();
    }
    impl->runner.emplace(impl->plan, *executor, kTellCost, options.cancellation);

    const Plan& plan = impl->plan;
    std::size_t arena_bytes = 0;
    if (__builtin_mul_overflow(plan.workspace_bytes, static_cast<std::size_t>(impl->runner->concurrency()),
                               &arena_bytes) ||
        __builtin_add_overflow(arena_bytes, plan.tensor_bytes, &arena_bytes)) {
      return Error{ErrorCode::kLimit, "the network's memory can't be addressed; use a smaller max_batch", "session"};
    }
    const std::size_t weight_bytes = plan.layers->bytes();
    if (arena_bytes > options.max_memory_bytes || weight_bytes > options.max_memory_bytes - arena_bytes) {
      return Error{ErrorCode::kLimit,
                   "tensors and workspaces take " + std::to_string(arena_bytes) + " bytes, packed weights " +
                       std::to_string(weight_bytes) + "; allowed are " + std::to_string(options.max_memory_bytes) +
                       " (max_memory_bytes)",
                   "session"};
    }
    NARROW_ASSIGN(impl->arena,
                  AlignedBuffer::allocate(arena_bytes, {"the tensors of ", options.max_batch, " images (max_batch)"},
                                          options.allocator));
    impl->context.arena = impl->arena.data();
    impl->context.workspaces = impl->arena.data() + plan.tensor_bytes;
    impl->context.workspace_bytes = plan.workspace_bytes;
    impl->input_elems = model.input_shape().elems();
    impl->classes = model.classes();
    return Session(model, std::move(impl));
  });
}

Result<Session> Session::clone() const {
  if (impl_ == nullptr) return engine::moved_from();
  return create(model_, impl_->options);
}

Status Session::run(std::span<const float> input, std::span<float> scores) {
  return base::guarded([&] { return impl_ == nullptr ? Status(engine::moved_from()) : run_steps(input, scores, {}); });
}

Status Session::profile(std::span<const float> input, std::span<float> scores, std::span<std::int64_t> step_ns) {
  return base::guarded([&]() -> Status {
    if (impl_ == nullptr) return engine::moved_from();
    const std::size_t steps = impl_->plan.steps.size();
    if (step_ns.size() != steps) {
      return invalid("step_ns",
                     {"there is space for ", step_ns.size(), " times, but the network has ", steps, " steps"});
    }
    return run_steps(input, scores, step_ns);
  });
}

Status Session::run_steps(std::span<const float> input, std::span<float> scores, std::span<std::int64_t> step_ns) {
  const auto input_elems = static_cast<std::size_t>(impl_->input_elems);
  const std::size_t batch = input.size() / input_elems;
  if (batch < 1 || input.size() % input_elems != 0 || batch > static_cast<std::size_t>(impl_->options.max_batch)) {
    return invalid("input", {input.size(), " values are not 1 to ", impl_->options.max_batch, " (max_batch) images of ",
                             input_elems});
  }
  NARROW_TRY(engine::check_finite(input, model_.input_shape()));
  impl_->context.input = reinterpret_cast<const std::byte*>(input.data());
  return impl_->run_from(0, batch, scores, step_ns);
}

Status Session::Impl::run_from(std::size_t first_step, std::size_t batch, std::span<float> scores,
                               std::span<std::int64_t> step_ns) {
  const std::size_t elems = batch * static_cast<std::size_t>(classes);
  if (scores.size() != elems) {
    return invalid("scores", {"there is space for ", scores.size(), " scores, but ", batch, " images with ", classes,
                              " classes have ", elems});
  }
  readable_batch = 0;
  context.scores = reinterpret_cast<std::byte*>(scores.data());
  try {
    const engine::PoolExecutor::Run run(pool.get());
    switch (runner->run(context, static_cast<std::int64_t>(batch), step_ns, first_step)) {
      case engine::PlanRunner::Outcome::kDone:
        readable_batch = batch;
        return {};
      case engine::PlanRunner::Outcome::kCancelled:
        return Error{ErrorCode::kCancelled, "was cancelled", "run"};
      case engine::PlanRunner::Outcome::kBrokenExecutor:
        break;
    }
    return invalid("executor", {"it called a task with an index or a slot out of range"});
  } catch (const std::exception& error) {
    // Steps don't throw, so the exception comes from the caller's executor.
    return Error{ErrorCode::kInvalidArgument, base::joined({"it threw: ", error.what()}), "executor"};
  }
  return {};
}

Status Session::save_packed(const std::filesystem::path& path) const {
  return base::guarded([&]() -> Status {
    if (impl_ == nullptr) return engine::moved_from();
    const engine::PackedLayers& layers = *impl_->plan.layers;
    NARROW_ASSIGN(const std::string key, engine::packed_key(model_.data().shared_layers.identity(), layers.target()));
    NARROW_ASSIGN(const std::vector<std::byte> bytes,
                  engine::write_packed(model_.data().graph, layers.target(), key, impl_->options.max_memory_bytes));
    return base::write_file_atomically(path, bytes);
  });
}

std::vector<TensorInfo> Session::outputs() const {
  std::vector<TensorInfo> all;
  if (impl_ == nullptr) return all;
  for (const engine::NamedOutput& output : impl_->plan.outputs) {
    all.push_back({output.name, output.shape, output.quantization});
  }
  return all;
}

std::span<const std::byte> Session::raw_output(std::size_t index) const {
  if (impl_ == nullptr || index >= impl_->plan.outputs.size()) return {};
  const engine::NamedOutput& output = impl_->plan.outputs[index];
  const std::size_t element = output.quantization ? sizeof(std::uint8_t) : sizeof(float);
  return {impl_->context.arena + output.location.offset,
          impl_->readable_batch * static_cast<std::size_t>(output.shape.elems()) * element};
}

Status Session::read_output(std::size_t index, std::span<float> values) const {
  return base::guarded([&]() -> Status {
    if (impl_ == nullptr) return engine::moved_from();
    if (index >= impl_->plan.outputs.size()) {
      return invalid("output", {index, " is none of the ", impl_->plan.outputs.size(), " outputs of the session"});
    }
    if (impl_->readable_batch == 0) return invalid("output", {"there is no run to read it from"});
    const engine::NamedOutput& output = impl_->plan.outputs[index];
    const std::span<const std::byte> raw = raw_output(index);
    const std::size_t count = output.quantization ? raw.size() : raw.size() / sizeof(float);
    if (values.size() != count) {
      return invalid(output.name.c_str(), {"there is space for ", values.size(), " numbers, but it has ", count});
    }
    if (!output.quantization) {
      std::memcpy(values.data(), raw.data(), raw.size());
      return {};
    }
    const Quantization& quantization = *output.quantization;
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = quantization.scale * static_cast<float>(std::to_integer<int>(raw[i]) - quantization.zero_point);
    }
    return {};
  });
}

const Model& Session::model() const { return model_; }

std::string Session::core() const {
  return impl_ == nullptr ? std::string() : std::string(kernels::core_name(impl_->core));
}

std::string Session::isa() const {
  return impl_ == nullptr ? std::string() : std::string(kernels::isa_name(impl_->isa));
}

int Session::threads() const { return impl_ == nullptr ? 0 : impl_->runner->concurrency(); }

std::size_t Session::arena_bytes() const { return impl_ == nullptr ? 0 : impl_->arena.size(); }

MemoryInfo Session::memory() const {
  if (impl_ == nullptr) return {};
  const Plan& plan = impl_->plan;
  return {plan.tensor_bytes, plan.largest_live_bytes,
          plan.workspace_bytes * static_cast<std::size_t>(impl_->runner->concurrency())};
}

std::vector<StepInfo> Session::steps() const {
  std::vector<StepInfo> steps;
  if (impl_ == nullptr) return steps;
  for (const auto& step : impl_->plan.steps) {
    const std::size_t first = steps.size();
    step->describe(steps);
    const engine::Partition partition = impl_->runner->partition(*step, impl_->options.max_batch);
    steps[first].parts = partition.parts();
    if (partition.parts() == 1) continue;
    steps[first].busiest_share =
        engine::busiest_share(step->work(), impl_->options.max_batch, partition, impl_->runner->concurrency());
  }
  return steps;
}

}  // namespace v0
}  // namespace narrow
