// A model compiled for this CPU: chosen kernels, packed weights, memory plan.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "narrow/allocator.h"
#include "narrow/cancellation.h"
#include "narrow/image_view.h"
#include "narrow/model.h"
#include "narrow/preprocess.h"
#include "narrow/result.h"
#include "narrow/types.h"

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

class Executor;     // executor.h
struct MemoryInfo;  // inspect.h
struct StepInfo;    // inspect.h
struct TensorInfo;  // inspect.h

struct SessionOptions {
  // "auto", "scalar", "avx2", "avxvnni", "avx512vnni", "amx"; on ARM "neon", "neondot" (available_isas()). "auto" uses
  // the environment variable NARROW_ISA or, if it is not set, the fastest ISA of this CPU.
  std::string isa = "auto";
  // The CPU core by whose measured costs kernels are chosen: "auto", "zen3", "zen4", "zen5" (known_cores()). "auto"
  // uses the environment variable NARROW_CORE or, if it is not set, the one that is closest to this CPU. It changes
  // speed only. Name one where the choice of kernels shall be the same on every machine.
  std::string core = "auto";
  // Number of threads of the built-in executor, 1..256. 1: the caller's thread only. 0: the number of CPUs that this
  // process may use, see available_threads().
  int threads = 1;
  // Built-in executor: how long helpers poll for the next `run` before they sleep, in microseconds (0..10000). Waking
  // up takes longer than small layers do, but a polling thread keeps its core busy. Within a `run` they always poll for
  // up to 100 us between layers.
  int spin_us = 0;
  Executor* executor = nullptr;  // replaces the built-in executor; must outlive the session
  int max_batch = 1;             // the most images of one `run`; memory is planned for this number
  // What a session may take. A model file of a few bytes can ask for any amount, so models from outside should run with
  // limits that fit the product. Memory: tensors, workspaces and weights as kernels read them; the weights count in
  // full for each session, although all sessions of a model on one ISA share them. Operations: of one image, where a
  // multiply-accumulate, an element of a pooling window and an element that any other operator writes count as one
  // each; ResNet-152 has 1.2e10.
  std::size_t max_memory_bytes = std::size_t{4} << 30;
  std::int64_t max_operations = 1'000'000'000'000;
  // Ends a `run` of another thread; must outlive the session. A run that was cancelled leaves the scores undefined and
  // the session usable. nullptr: runs can't be cancelled.
  const Cancellation* cancellation = nullptr;
  // Names of tensors (Model::tensors) that each run leaves readable, such as Model::embedding(). They take memory of
  // their own and end what would be fused across them, so name only what is read.
  std::vector<std::string> outputs = {};
  // A file of save_packed() for this model and target: it is mapped, so that nothing is packed, and processes share its
  // pages. Empty: weights are packed. The file is as trusted as the program: its checksums find damage and what belongs
  // to another model, CPU or version of Narrow, which are errors, but no forgery. As with LoadOptions::map it must not
  // change while a session uses it.
  std::string packed = {};
  // Where tensors, workspaces and packed weights are; allocator.h. Sessions share packed weights with those that have
  // the same allocator. Default: operator new.
  Allocator allocator = {};
};

// A session must not be used by two threads at the same time. Several sessions may share a Model and run at the same
// time. The first session of a model on an ISA chooses kernels and packs weights; those created while it exists share
// what it packed, and each has only tensors and workspaces of its own. A session that was moved from can be assigned to
// and destroyed. What returns a Result or Status returns kInvalidArgument there; model() is still the model, and
// everything else is empty or 0.
class Session {
 public:
  // Errors: an ISA that is unknown or not supported (lists those that can run), a bad option, an output that does not
  // exist, is the input or the scores, or is never in memory as a whole, a model for which no kernel is exact, kLimit
  // (more memory or operations than the options allow; nothing has been allocated for tensors then), a file of packed
  // weights that is not there (kNotFound), is damaged (kMalformed) or is for something else (kInvalidArgument).
  [[nodiscard]] static Result<Session> create(const Model& model, const SessionOptions& options = {});

  // A session of the same model with the same options, on the same ISA, for another thread. It shares the packed
  // weights. The executor and the cancellation of the options are those of this session. Other threads may run this
  // session meanwhile. Errors: kLimit (memory, or no thread can be started).
  [[nodiscard]] Result<Session> clone() const;

  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // input: [batch, height, width, channels] preprocessed floats; scores: [batch, classes] floats, not normalised.
  // batch = input.size() / input_shape().elems(), in 1..max_batch. Allocates nothing. The scores do not depend on ISA,
  // threads or batch. Errors: a size that does not fit; an input that is NaN or infinite (says where); kCancelled.
  [[nodiscard]] Status run(std::span<const float> input, std::span<float> scores);

  // As `run`, and measures each step. step_ns[i] receives the wall-clock time in nanoseconds of the i-th entry of
  // `steps()` that is a step of its own (fused_with is empty), with all layers that are fused with it. Allocates
  // nothing. Errors: those of `run`; a step_ns of another size.
  [[nodiscard]] Status profile(std::span<const float> input, std::span<float> scores, std::span<std::int64_t> step_ns);

  // Writes the packed weights for SessionOptions::packed, as Model::save writes. The file is for this model, isa() and
  // core() alone, and for this version of Narrow. Errors: kInvalidArgument (the model was not read from a file or from
  // bytes), kNotFound, kIo.
  [[nodiscard]] Status save_packed(const std::filesystem::path& path) const;

  // The tensors of SessionOptions::outputs, in that order.
  [[nodiscard]] std::vector<TensorInfo> outputs() const;
  // Of the latest run, output `index` as real numbers, [batch, height, width, channels]. Allocates nothing. Errors: no
  // such output, a size that does not fit, no run that has succeeded yet.
  [[nodiscard]] Status read_output(std::size_t index, std::span<float> values) const;
  // The same as it is in memory: bytes of uint8 or float32, valid until the next run. Empty: there is none.
  [[nodiscard]] std::span<const std::byte> raw_output(std::size_t index) const;
  // As `run`, with the input as integers: what a Preprocessor with this quantization writes, [batch, height, width,
  // channels]. The scores are those of the floats that these integers stand for. Integers beyond the range become its
  // ends. Errors: those of `run`; kUnsupported if input_quantization() is nothing.
  [[nodiscard]] Status run_integers(std::span<const std::uint8_t> input, std::span<float> scores);
  // How the network quantizes its input. Nothing: it does not, or something else reads the floats too.
  [[nodiscard]] std::optional<Quantization> input_quantization() const;

  // Preprocesses one frame with the model's preprocessing and runs it: crop, resize, mean, std and quantization in one
  // pass, on one thread. scores: [classes]. From the second frame of a size and layout on it allocates nothing. Errors:
  // those of Preprocessor::run() and of run().
  [[nodiscard]] Status classify(const ImageView& frame, std::span<float> scores);

  // Preprocesses one image with the model's preprocessing and runs it. Returns [classes] scores. Errors: those of
  // preprocess() and run().
  [[nodiscard]] Result<std::vector<float>> classify(const Picture& image);

  [[nodiscard]] const Model& model() const;
  [[nodiscard]] std::string isa() const;          // the chosen ISA, such as "avx2"
  [[nodiscard]] std::string core() const;         // the core that kernels were chosen for, such as "zen4"
  [[nodiscard]] std::size_t arena_bytes() const;  // tensors and workspace
  [[nodiscard]] MemoryInfo memory() const;
  [[nodiscard]] int threads() const;  // that the session runs on: the concurrency of its executor
  [[nodiscard]] std::vector<StepInfo> steps() const;

 private:
  struct Impl;
  // step_ns: empty, or one for each step.
  [[nodiscard]] Status run_steps(std::span<const float> input, std::span<float> scores,
                                 std::span<std::int64_t> step_ns);
  Session(const Model& model, std::unique_ptr<Impl> impl);
  Model model_;
  std::unique_ptr<Impl> impl_;  // nullptr: was moved from
};

// The softmax of scores: probabilities that sum to 1.
[[nodiscard]] std::vector<float> softmax(std::span<const float> scores);

// The probabilities of the classes, in 0..1. Logits go through softmax; a single logit through 1 / (1 + exp(-x)),
// because it tells two classes apart. Probabilities are returned as they are.
[[nodiscard]] std::vector<float> probabilities(std::span<const float> scores, ScoreKind kind);

struct Ranked {
  int class_index = 0;
  float score = 0;
};
// The k best classes, best first. Of equal scores the lower index comes first.
[[nodiscard]] std::vector<Ranked> top_k(std::span<const float> scores, int k);

// The number of CPUs that this process may use, at least 1: the calling thread's affinity, limited by the CPU quotas of
// its control groups, rounded up.
[[nodiscard]] int available_threads();

// The names of the ISAs that this CPU can run, slowest first. "scalar" is always among them.
[[nodiscard]] std::vector<std::string> available_isas();

// The names of the cores for which kernels can be chosen, see SessionOptions::core.
[[nodiscard]] std::vector<std::string> known_cores();

// The error that Session::create would return for the environment's NARROW_ISA or NARROW_CORE where the options name
// neither: for work that ends in a session, before it begins.
[[nodiscard]] Status check_environment();

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
