// Runs a float network, one image at a time. Calibration observes it, and a quantized network is compared with it. It
// can simulate a quantization: the graph's own, one from a Simulation, or both. All buffers hold real numbers. Those of
// a quantized value are scale * level.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "floating/program.h"
#include "floating/simulation.h"
#include "graph/ir.h"
#include "narrow/cancellation.h"
#include "narrow/result.h"

namespace narrow::graph {

struct ExecutorOptions {
  NodeRange nodes{};                     // the part of the network that runs; by default all of it
  const Simulation* simulate = nullptr;  // read by create() only
  std::vector<ValueId> keep{};           // values that stay readable after run()
  // OpenMP threads of oneDNN within one layer, >= 1. The number may change the order of oneDNN's additions, and so the
  // last bits of a result. The same number always returns the same result.
  int threads = 1;
  // Ends create() and run() with kCancelled between two layers; must outlive the executor. May be null.
  const Cancellation* cancellation = nullptr;
};

// One image's elements of a value, [height, width, channels].
struct Feed {
  ValueId value = kNoValue;
  std::span<const float> elements;
};

// Convolution and linear layers run on oneDNN, all other operators in plain loops. Only nodes that the outputs of the
// range or the kept values depend on are computed.
// Simulated values equal those of the integer network bit for bit, on any machine and with any number of threads. Two
// cases may differ. A layer in float adds in another order than the engine. A pre-quantized graph is rounded at each of
// its Quantize nodes, while the integer network that is built from it rounds once; the graph of that integer network
// runs exactly.
// One thread at a time may use an executor. Executors share only weights and may run at the same time.
class FloatExecutor {
 public:
  // Called with every computed and every fed value, in execution order, after it is computed, clamped and, if it has a
  // quantization, rounded. The span, [height, width, channels], is valid only during the call.
  using ValueCallback = std::function<void(ValueId, std::span<const float>)>;

  // Checks the graph, chooses kernels, reorders weights and allocates all buffers. The graph is copied; its weights are
  // shared. Errors: those of validate(); kUnsupported for BatchNorm (fold it first); those of lay_over() and
  // plan_program() for the options; kLimit if the buffers do not fit into memory; kInvalidArgument for threads < 1.
  [[nodiscard]] static Result<FloatExecutor> create(const Graph& graph, const ExecutorOptions& options = {});
  [[nodiscard]] static Result<FloatExecutor> create(const Graph& graph, int threads);

  FloatExecutor(FloatExecutor&&) noexcept;
  FloatExecutor& operator=(FloatExecutor&&) noexcept;
  ~FloatExecutor();

  // The values to feed: those that the range reads and does not compute. Ascending.
  [[nodiscard]] const std::vector<ValueId>& inputs() const;
  // The values that the rest of the network reads, and the network's output. Ascending.
  [[nodiscard]] const std::vector<ValueId>& outputs() const;

  // Runs one image. feeds: all of inputs(), in any order, and no others. Values with a quantization are rounded, which
  // changes nothing if they come from another executor. The caller guarantees that all elements are finite. Error:
  // kInvalidArgument if the feeds are not the inputs.
  [[nodiscard]] Status run(std::span<const Feed> feeds, const ValueCallback& callback = {});
  // The same for a whole network. input: [height, width, channels]; output: the graph's output in the same order.
  [[nodiscard]] Status run(std::span<const float> input, std::span<float> output, const ValueCallback& callback = {});

  // Elements of a kept value or an output after run(), rounded if the value has a quantization. Empty for other values.
  [[nodiscard]] std::span<const float> value(ValueId id) const;
  // The value as its node wrote it, before any rounding, if a node or the network's output reads it so; otherwise the
  // same as value(). The executor of another range returns exactly the results of the whole network if it is fed with
  // this.
  [[nodiscard]] std::span<const float> as_written(ValueId id) const;

  // Replaces weights and bias of a layer of the range without preparing the executor again. The filter is float if the
  // layer is, and integer if the layer is. It has the layer's sizes, and its integers fit as lay_over() checks. Error:
  // kInvalidArgument if this is not so; nothing has changed then.
  [[nodiscard]] Status replace(std::size_t node, const Filter& filter);

 private:
  struct Impl;
  explicit FloatExecutor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace narrow::graph
