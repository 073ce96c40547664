// Runs a float network, one image at a time: what calibration observes, and what a quantized network is compared with.
// It can simulate a quantization: one that the graph has, one that is laid over it, or both. All buffers hold real
// numbers. Those of a quantized value are what its levels mean, scale * level.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "floating/program.h"
#include "floating/simulation.h"
#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::graph {

struct ExecutorOptions {
  NodeRange nodes{};                     // the part of the network that runs; default: all of it
  const Simulation* simulate = nullptr;  // borrowed until create() returns
  std::vector<ValueId> keep{};           // values that stay readable after run()
  // OpenMP threads of oneDNN within one layer, >= 1. The number may change the order in which oneDNN adds, and so the
  // last bits of a result. The same number always gives the same result.
  int threads = 1;
};

// One image's elements of a value, [height, width, channels].
struct Feed {
  ValueId value = kNoValue;
  std::span<const float> elements;
};

// Convolution and linear layers run on oneDNN, the rest in plain loops. Only what the outputs of the range and the kept
// values depend on is computed. What is simulated equals the integer network's values bit for bit, on any machine and
// with any number of threads. Two things are not promised: a layer left in float adds in another order than the engine,
// and a graph that is pre-quantized rounds before each of its Quantize nodes as they say, where the integer network
// that is built of it rounds once. That network itself, as the quantizer built it, runs exactly. One thread at a time
// per executor. Executors share nothing but weights, and may run side by side.
class FloatExecutor {
 public:
  // Called with every computed and every fed value, in the order of execution, as soon as it is computed, clamped and,
  // if it has a quantization, rounded. The span, [height, width, channels], is only valid during the call.
  using Tap = std::function<void(ValueId, std::span<const float>)>;

  // Checks the graph, chooses kernels, reorders weights and allocates all buffers. The graph is copied and shares its
  // weights. Errors: what validate() finds; kUnsupported for BatchNorm (fold it first); what lay_over() and
  // plan_program() find in the options; kLimit when the buffers do not fit into memory; kInvalidArgument for threads
  // < 1.
  [[nodiscard]] static Result<FloatExecutor> create(const Graph& graph, const ExecutorOptions& options = {});
  [[nodiscard]] static Result<FloatExecutor> create(const Graph& graph, int threads);

  FloatExecutor(FloatExecutor&&) noexcept;
  FloatExecutor& operator=(FloatExecutor&&) noexcept;
  ~FloatExecutor();

  // What has to be fed: values that the range reads and does not compute. Ascending.
  [[nodiscard]] const std::vector<ValueId>& inputs() const;
  // Values that the rest of the network reads, and its output. Ascending.
  [[nodiscard]] const std::vector<ValueId>& outputs() const;

  // Runs one image. feeds: all of inputs(), in any order, and no others. Values with a quantization are rounded, which
  // changes nothing where they come from another executor. Elements that are not finite are the caller's duty.
  // Error: kInvalidArgument, feeds that are not the inputs.
  [[nodiscard]] Status run(std::span<const Feed> feeds, const Tap& tap = {});
  // The same for a whole network. input: [height, width, channels]; output: the graph's output in the same order.
  [[nodiscard]] Status run(std::span<const float> input, std::span<float> output, const Tap& tap = {});

  // Elements of a kept value or of an output after run(), rounded if it has a quantization. Empty for other values.
  [[nodiscard]] std::span<const float> value(ValueId id) const;
  // The same value as its node wrote it, if a node or the network's output reads it so; otherwise that of value(). Fed
  // to the executor of another range, it gives exactly what the whole network gives.
  [[nodiscard]] std::span<const float> as_written(ValueId id) const;

  // Other weights and biases for a layer of the range, without preparing the executor anew. The filter is float where
  // the layer is, and integer where the layer is; its sizes are those of the layer, its integers fit as lay_over()
  // checks. Error: kInvalidArgument, it is not so; nothing has changed then.
  [[nodiscard]] Status replace(std::size_t node, const Filter& filter);

 private:
  struct Impl;
  explicit FloatExecutor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narrow::graph
