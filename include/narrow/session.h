// A model compiled for this CPU: chosen kernels, packed weights, memory plan.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narrow/model.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow {

// Runs the parallel parts of a session. Implement it to use your own pool. The built-in one has helper threads that all
// sessions of the process share and that sleep when there is nothing to do: a session with `threads` of 3 has its
// caller and up to two helpers at work. Of sessions that run at the same time the first one there gets the helpers; the
// others run on their callers alone until helpers are free. It has as many helpers as the session with most threads
// wants, and ends with the last session. (Sessions created under different CPU affinities share nothing, because
// threads inherit them.)
class Executor {
 public:
  virtual ~Executor() = default;
  // Number of tasks that can run at the same time, >= 1. Constant.
  [[nodiscard]] virtual int concurrency() const = 0;
  // Calls task(i, slot) once for every i in [0, count) and returns when all have returned. `slot` is in
  // [0, concurrency()) and no two calls at the same time share one. task does not throw.
  virtual void parallel_for(int count, const std::function<void(int index, int slot)>& task) = 0;
};

struct SessionOptions {
  // "auto", "scalar", "avx2", "avxvnni", "avx512vnni". Precedence: this option, then the environment variable
  // NARROW_ISA, then automatic.
  std::string isa = "auto";
  // Of the built-in executor, 1..256. 1: none is started, everything runs on the caller's. 0: as many as there are CPUs
  // for this process, see available_threads().
  int threads = 1;
  // Built-in executor: how long, in microseconds (0..10000), helpers poll for the next `run` before they sleep. Waking
  // up takes longer than small layers do; but a thread that polls keeps its core busy. Within a `run` they poll for up
  // to 100 us from layer to layer in any case.
  int spin_us = 0;
  Executor* executor = nullptr;  // the caller's own, used instead; must outlive the session
  int max_batch = 1;             // pictures that one `run` takes at most; memory is planned for it
};

// A kernel that could have been chosen.
struct KernelCandidate {
  std::string kernel;
  bool accepted = false;    // it is exact for this layer: a proof on shape, ranges and weights
  double cost_cycles = 0;   // estimated, for one picture on one thread; where accepted
  std::string reason = {};  // where refused: why, in plain words, without the end of the sentence
};

// What was chosen for one layer.
struct StepInfo {
  std::string layer;
  std::string kernel;  // e.g. "convolution_s16_6x16_avx2"
  std::size_t packed_bytes = 0;
  std::string fused_with = {};  // the layer that it is computed with, a few rows at a time; empty: a step of its own
  // Integer convolutions and linear layers: those that accept, cheapest (the chosen one) first, the scalar reference as
  // the last of them; then those that refuse. Nothing is timed: the same model and ISA make the same choice.
  std::vector<KernelCandidate> candidates = {};
  // Of a step of its own, for max_batch pictures: into how many parts it is divided, and the share of its estimated
  // cost that the thread with the most gets, at best 1 / threads; 1 where it is not divided.
  int parts = 1;
  double busiest_share = 1.0;
};

// What a session holds besides the packed weights of its steps.
struct MemoryInfo {
  std::size_t tensor_bytes = 0;        // planned for the tensors of max_batch pictures
  std::size_t largest_live_bytes = 0;  // what no plan can go below: the tensors that are needed at the same time
  std::size_t workspace_bytes = 0;     // scratch of the kernels, for all threads
};

// One session is used by one thread at a time; several sessions may share a Model and run side by side.
class Session {
 public:
  // Error: unknown or unsupported ISA (lists what can run), bad option, or a model beyond what kernels can prove exact.
  [[nodiscard]] static Result<Session> create(const Model& model, const SessionOptions& options = {});

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // input: [batch, height, width, channels] preprocessed floats; scores: [batch, classes] floats, not normalised.
  // batch = input.size() / input_shape().elems(), in 1..max_batch. Allocates nothing. The result does not depend on
  // ISA, threads or batch. Error: a size that does not fit.
  [[nodiscard]] Status run(std::span<const float> input, std::span<float> scores);

  // `run`, and how long each step took: step_ns[i] is the wall-clock time, in nanoseconds, of the i-th entry of
  // `steps()` that is a step of its own (fused_with is empty), with everything that is fused with it. Allocates
  // nothing. Errors: those of `run`, and a step_ns of another size.
  [[nodiscard]] Status profile(std::span<const float> input, std::span<float> scores, std::span<std::int64_t> step_ns);

  // Preprocesses one picture as the model says and runs it. Returns [classes] scores.
  [[nodiscard]] Result<std::vector<float>> classify(const Picture& picture);

  [[nodiscard]] const Model& model() const;
  [[nodiscard]] std::string isa() const;          // what was chosen, e.g. "avx2"
  [[nodiscard]] std::size_t arena_bytes() const;  // tensors and workspace
  [[nodiscard]] MemoryInfo memory() const;
  [[nodiscard]] int threads() const;  // that it runs on: those of the executor
  [[nodiscard]] std::vector<StepInfo> steps() const;

 private:
  struct Impl;
  // step_ns: empty, or one for each step.
  [[nodiscard]] Status run_steps(std::span<const float> input, std::span<float> scores,
                                 std::span<std::int64_t> step_ns);
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// Softmax of scores: probabilities that sum to 1.
[[nodiscard]] std::vector<float> softmax(std::span<const float> scores);

struct Ranked {
  int class_index = 0;
  float score = 0;
};
// The k best classes, best first; ties go to the lower index.
[[nodiscard]] std::vector<Ranked> top_k(std::span<const float> scores, int k);

// CPUs that this process may use: the calling thread's affinity, further limited by the CPU quotas of its control
// groups, rounded up. At least 1.
[[nodiscard]] int available_threads();

// Names of the ISAs that this CPU can run, slowest first; "scalar" is always there.
[[nodiscard]] std::vector<std::string> available_isas();

}  // namespace narrow
