// A model compiled for this CPU: chosen kernels, packed weights, memory plan.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narrow/model.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"

namespace narrow {

class Executor;     // executor.h
struct MemoryInfo;  // inspect.h
struct StepInfo;    // inspect.h

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
