#include "quantize/activations.h"

#include <atomic>
#include <exception>
#include <thread>

#include "base/cancelled.h"
#include "base/guarded.h"
#include "base/try.h"
#include "floating/float_executor.h"
#include "graph/operators.h"

namespace narrow::graph {
namespace {

// More shards share the work more evenly; fewer have less to merge. A constant, because results may depend on it.
constexpr std::size_t kShards = 32;

// The next shard to do, how many images are done, and the error of the first image that has one. Shards are handed out
// in ascending order, so when one fails, all before it have been handed out and will be finished: which error is
// reported does not depend on the threads.
class Progress {
 public:
  Progress(std::size_t shards, std::size_t images, const std::function<void(std::size_t, std::size_t)>& report)
      : shards_(shards), images_(images), failed_(images), report_(report) {}

  [[nodiscard]] std::size_t next_shard() { return next_.fetch_add(1); }
  [[nodiscard]] std::size_t shards() const { return shards_; }
  [[nodiscard]] std::size_t images() const { return images_; }
  // Whether the image can still change the result.
  [[nodiscard]] bool matters(std::size_t image) const { return image < failed_.load(); }

  void finished() {
    const std::lock_guard lock(mutex_);
    ++done_;
    if (report_) report_(done_, images_);
  }

  void failed(std::size_t image, Error error) {
    const std::lock_guard lock(mutex_);
    if (image >= failed_.load()) return;
    failed_.store(image);
    error_ = std::move(error);
  }

  // After all workers have ended.
  [[nodiscard]] Status status() const {
    if (failed_.load() < images_) return error_;
    return {};
  }

 private:
  const std::size_t shards_;
  const std::size_t images_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> failed_;
  std::mutex mutex_;
  std::size_t done_ = 0;
  Error error_;
  const std::function<void(std::size_t, std::size_t)>& report_;
};

std::string image_name(std::size_t image) { return "calibration input " + std::to_string(image); }

// Called where an exception was caught, in a thread that none may leave.
Error thrown(std::size_t image, const char* what) noexcept {
  try {
    return Error{ErrorCode::kInternal, std::string("exception during calibration: ") + what, image_name(image)};
  } catch (const std::exception&) {
    return base::out_of_memory();
  }
}

}  // namespace

// One thread's executor and image.
class Activations::Worker {
 public:
  static Result<Worker> create(Activations& activations) {
    // One OpenMP thread each: the order in which oneDNN adds must not depend on how many workers there are.
    NARROW_ASSIGN(FloatExecutor executor,
                  FloatExecutor::create(*activations.graph_, {.cancellation = activations.options_.cancellation}));
    return Worker(activations, std::move(executor));
  }

  void run(const Pass& pass, Progress& progress) {
    for (std::size_t s = progress.next_shard(); s < progress.shards(); s = progress.next_shard()) {
      const std::size_t begin = s * progress.images() / progress.shards();
      const std::size_t end = (s + 1) * progress.images() / progress.shards();
      std::size_t image = begin;
      // `fill` and the progress report are the caller's, and an exception must not leave a thread.
      try {
        pass.start(s);
        for (; image < end && progress.matters(image); ++image) {
          if (Status status = observe(pass, s, image); !status.ok()) {
            progress.failed(image, std::move(status).error());
            break;
          }
          progress.finished();
        }
        if (image < end) continue;
        if (Status status = pass.finish(s); !status.ok()) progress.failed(begin, std::move(status).error());
      } catch (const std::bad_alloc&) {
        progress.failed(image, base::out_of_memory());
      } catch (const std::exception& error) {
        progress.failed(image, thrown(image, error.what()));
      } catch (...) {
        progress.failed(image, thrown(image, "of an unknown type"));
      }
    }
  }

 private:
  Worker(Activations& activations, FloatExecutor executor)
      : activations_(&activations), executor_(std::move(executor)) {
    const Graph& graph = *activations.graph_;
    input_.resize(static_cast<std::size_t>(graph.value(graph.input).shape.elems()));
    output_.resize(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
  }

  // A function may be at fault, as the logarithm of 0.
  static std::string what_to_check(const Graph& graph, ValueId broken) {
    for (const Node& node : graph.nodes) {
      const auto* function = node.output == broken ? std::get_if<Function>(&node.op) : nullptr;
      if (function == nullptr) continue;
      return "it is a " + std::string(row_of(function->kind).name) +
             " of numbers that have none: a Clip before it keeps them where it is finite";
    }
    return "check the image, the preprocessing and the weights";
  }

  Status observe(const Pass& pass, std::size_t shard, std::size_t image) {
    const Graph& graph = *activations_->graph_;
    NARROW_TRY(activations_->fill(image, input_));
    ValueId broken = kNoValue;  // the first tensor with a value that is not finite; what follows it is not observed
    const auto tap = [&](ValueId id, std::span<const float> values) {
      if (broken == kNoValue && !pass.tap(shard, id, values)) broken = id;
    };
    NARROW_TRY(executor_.run(input_, output_, tap));
    if (broken == kNoValue) return {};
    const std::string what = broken == graph.input ? "the network's input '" : "tensor '";
    return Error{ErrorCode::kInvalidArgument,
                 what + graph.value(broken).name + "' has a value that is not finite (NaN or infinite); " +
                     what_to_check(graph, broken),
                 image_name(image)};
  }

  Activations* activations_;
  FloatExecutor executor_;
  std::vector<float> input_;
  std::vector<float> output_;
};

Activations::Activations(const Graph& graph, const CalibrationInputs& inputs, ActivationsOptions options)
    : graph_(&graph), inputs_(&inputs), options_(std::move(options)) {
  const auto input_bytes = sizeof(float) * static_cast<std::size_t>(graph.value(graph.input).shape.elems());
  kept_.resize(std::min(inputs.count, options_.memory_bytes / std::max<std::size_t>(input_bytes, 1)));
}

Result<Activations> Activations::create(const Graph& graph, const CalibrationInputs& inputs,
                                        ActivationsOptions options) {
  if (options.threads < 1) {
    return Error{ErrorCode::kInvalidArgument, "must be 1 or more, is " + std::to_string(options.threads), "threads"};
  }
  if (inputs.count == 0 || !inputs.fill) {
    return Error{ErrorCode::kInvalidArgument, "there are no images to calibrate with; give at least one",
                 "calibration"};
  }
  return Activations(graph, inputs, std::move(options));
}

std::size_t Activations::shard_count() const { return std::min(kShards, inputs_->count); }

Status Activations::fill(std::size_t image, std::span<float> out) {
  NARROW_TRY(base::check_cancelled(options_.cancellation));
  if (image >= kept_.size()) return inputs_->fill(image, out);
  std::vector<float>& kept = kept_[image];
  if (kept.empty()) {
    NARROW_TRY(inputs_->fill(image, out));
    kept.assign(out.begin(), out.end());
  } else {
    std::copy(kept.begin(), kept.end(), out.begin());
  }
  return {};
}

Status Activations::run(const Pass& pass) {
  const std::size_t count = std::min(static_cast<std::size_t>(options_.threads), shard_count());
  std::vector<Worker> workers;
  for (std::size_t t = 0; t < count; ++t) {
    NARROW_ASSIGN(Worker worker, Worker::create(*this));
    workers.push_back(std::move(worker));
  }
  Progress progress(shard_count(), images(), options_.progress);
  {
    std::vector<std::jthread> pool;
    for (std::size_t t = 1; t < count; ++t) {
      // With fewer threads than asked for, the others do the work.
      try {
        pool.emplace_back([&, t] { workers[t].run(pass, progress); });
      } catch (const std::exception&) {
        break;
      }
    }
    workers[0].run(pass, progress);
  }
  return progress.status();
}

}  // namespace narrow::graph
