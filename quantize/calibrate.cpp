#include "quantize/calibrate.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "floating/float_executor.h"
#include "quantize/statistics/channel_means.h"

namespace narrow::graph {
namespace {

// The next picture to do, how many are done, and the error of the first picture that has one. Pictures are handed out
// in ascending order, so when one fails, all before it have been handed out and will be finished: which error is
// reported does not depend on the threads.
class Progress {
 public:
  Progress(std::size_t total, const std::function<void(std::size_t, std::size_t)>& report)
      : total_(total), failed_(total), report_(report) {}

  // The next index; count() when there is nothing left to do that could change the result.
  [[nodiscard]] std::size_t next() {
    const std::size_t index = next_.fetch_add(1);
    return index < failed_.load() ? index : total_;
  }
  [[nodiscard]] std::size_t count() const { return total_; }

  void finished() {
    const std::lock_guard lock(mutex_);
    ++done_;
    if (report_) report_(done_, total_);
  }

  void failed(std::size_t index, Error error) {
    const std::lock_guard lock(mutex_);
    if (index >= failed_.load()) return;
    failed_.store(index);
    error_ = std::move(error);
  }

  // After all workers have ended.
  [[nodiscard]] Status status() const {
    if (failed_.load() < total_) return error_;
    return {};
  }

 private:
  const std::size_t total_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<std::size_t> failed_;
  std::mutex mutex_;
  std::size_t done_ = 0;
  Error error_;
  const std::function<void(std::size_t, std::size_t)>& report_;
};

// One thread's executor, observers and picture.
class Worker {
 public:
  static Result<Worker> create(const Graph& graph, const CalibrationInputs& inputs, ObserverKind kind) {
    // One OpenMP thread each: the order in which oneDNN adds must not depend on how many workers there are.
    NARROW_ASSIGN(FloatExecutor executor, FloatExecutor::create(graph, 1));
    return Worker(graph, inputs, kind, std::move(executor));
  }

  void run(Progress& progress) {
    for (std::size_t i = progress.next(); i < progress.count(); i = progress.next()) {
      // `fill` and the progress report are the caller's, and an exception must not leave a thread.
      try {
        if (Status status = observe(i); !status.ok()) {
          progress.failed(i, std::move(status).error());
        } else {
          progress.finished();
        }
      } catch (const std::exception& error) {
        progress.failed(i, thrown(i, error.what()));
      } catch (...) {
        progress.failed(i, thrown(i, "of an unknown type"));
      }
    }
  }

  Status merge(const Worker& other) {
    for (std::size_t v = 0; v < observers_.size(); ++v) {
      NARROW_TRY(observers_[v]->merge(*other.observers_[v]));
      means_[v].merge(other.means_[v]);
    }
    return {};
  }

  [[nodiscard]] std::vector<std::optional<Observation>> observations() const {
    std::vector<std::optional<Observation>> result;
    for (std::size_t v = 0; v < observers_.size(); ++v) {
      result.push_back(observers_[v]->range());
      if (result.back()) result.back()->channel_means = means_[v].means();
    }
    return result;
  }

 private:
  Worker(const Graph& graph, const CalibrationInputs& inputs, ObserverKind kind, FloatExecutor executor)
      : graph_(&graph), inputs_(&inputs), executor_(std::move(executor)) {
    for (const Value& value : graph.values) {
      observers_.push_back(make_observer(kind));
      means_.emplace_back(static_cast<std::size_t>(value.shape.channels));
    }
    input_.resize(static_cast<std::size_t>(graph.value(graph.input).shape.elems()));
    output_.resize(static_cast<std::size_t>(graph.value(graph.output).shape.elems()));
  }

  static std::string picture_name(std::size_t i) { return "calibration input " + std::to_string(i); }

  static Error thrown(std::size_t i, const std::string& what) {
    return Error{ErrorCode::kInternal, "exception during calibration: " + what, picture_name(i)};
  }

  Status observe(std::size_t i) {
    NARROW_TRY(inputs_->fill(i, input_));
    ValueId broken = kNoValue;  // the first tensor with a value that is not finite; what follows it is not observed
    const auto tap = [&](ValueId id, std::span<const float> values) {
      if (broken != kNoValue) return;
      const auto v = static_cast<std::size_t>(id);
      if (observers_[v]->observe(values)) {
        means_[v].observe(values);
      } else {
        broken = id;
      }
    };
    NARROW_TRY(executor_.run(input_, output_, tap));
    if (broken == kNoValue) return {};
    const std::string what = broken == graph_->input ? "the network's input '" : "tensor '";
    return Error{ErrorCode::kInvalidArgument,
                 what + graph_->value(broken).name +
                     "' has a value that is not finite (NaN or infinite); check the picture, the preprocessing and the "
                     "weights",
                 picture_name(i)};
  }

  const Graph* graph_;
  const CalibrationInputs* inputs_;
  FloatExecutor executor_;
  std::vector<std::unique_ptr<Observer>> observers_;  // by ValueId
  std::vector<ChannelMeans> means_;                   // likewise
  std::vector<float> input_;
  std::vector<float> output_;
};

}  // namespace

Result<std::vector<std::optional<Observation>>> calibrate(
    const Graph& graph, const CalibrationInputs& inputs, ObserverKind kind, int threads,
    const std::function<void(std::size_t, std::size_t)>& progress) {
  if (threads < 1) {
    return Error{ErrorCode::kInvalidArgument, "must be 1 or more, is " + std::to_string(threads), "threads"};
  }
  if (inputs.count == 0 || !inputs.fill) {
    return Error{ErrorCode::kInvalidArgument, "there are no pictures to calibrate with; give at least one",
                 "calibration"};
  }
  const std::size_t count = std::min(static_cast<std::size_t>(threads), inputs.count);
  std::vector<Worker> workers;
  for (std::size_t t = 0; t < count; ++t) {
    NARROW_ASSIGN(Worker worker, Worker::create(graph, inputs, kind));
    workers.push_back(std::move(worker));
  }
  Progress state(inputs.count, progress);
  {
    std::vector<std::jthread> pool;
    for (std::size_t t = 1; t < count; ++t) {
      // With fewer threads than asked for, the others do the work.
      try {
        pool.emplace_back([&state, &worker = workers[t]] { worker.run(state); });
      } catch (const std::exception&) {
        break;
      }
    }
    workers[0].run(state);
  }
  NARROW_TRY(state.status());
  for (std::size_t t = 1; t < count; ++t) NARROW_TRY(workers[0].merge(workers[t]));
  return workers[0].observations();
}

}  // namespace narrow::graph
