// Runs a float network, one picture at a time: what calibration observes and what a quantized network is compared with.
// A quantization that the network states (Quantize) is simulated: all buffers hold floats, those of a quantized value
// the real numbers that its levels mean.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::graph {

// Convolution and linear layers run on oneDNN, the rest in plain loops. Only what the output depends on is computed.
// One thread at a time per executor; executors share nothing and may run side by side, also on the same graph.
class FloatExecutor {
 public:
  // Called with every live value, the input among them, as soon as it is computed and clamped, in the order of
  // execution. The span, [height, width, channels], is only valid during the call.
  using Tap = std::function<void(ValueId, std::span<const float>)>;

  // Checks the graph, chooses kernels, reorders weights and allocates all buffers. `graph` is borrowed: it must outlive
  // the executor and must not change. threads >= 1: OpenMP threads of oneDNN within one layer; the number may change
  // the order in which oneDNN adds, and so the last bits of a result, the same number always gives the same result.
  // Errors: what validate() finds; kUnsupported for BatchNorm (fold it first), for quantized weights and for quantized
  // values that neither a Quantize nor an Activation nor a lossless operator writes; kLimit when the buffers do not fit
  // into memory; kInvalidArgument for threads < 1.
  [[nodiscard]] static Result<FloatExecutor> create(const Graph& graph, int threads = 1);

  FloatExecutor(FloatExecutor&&) noexcept;
  FloatExecutor& operator=(FloatExecutor&&) noexcept;
  ~FloatExecutor();

  // input: [height, width, channels] floats, output: the graph's output in the same order. Numbers that are not finite
  // are the caller's duty. Error: a size that does not fit.
  [[nodiscard]] Status run(std::span<const float> input, std::span<float> output, const Tap& tap = {});

 private:
  struct Impl;
  explicit FloatExecutor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narrow::graph
