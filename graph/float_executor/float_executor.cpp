#include "graph/float_executor/float_executor.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "graph/float_executor/dnnl_layer.h"
#include "graph/float_executor/float_ops.h"
#include "graph/float_executor/liveness.h"
#include "graph/float_executor/openmp_threads.h"

namespace narrow::graph {
namespace {

struct AlignedDelete {
  void operator()(float* p) const { ::operator delete[](p, std::align_val_t{64}); }
};
using Buffer = std::unique_ptr<float[], AlignedDelete>;

// 64 bytes: what oneDNN's kernels like best, and what its scratch needs.
Buffer allocate(std::size_t floats) {
  const std::size_t bytes = std::max<std::size_t>(floats, 1) * sizeof(float);
  return Buffer(static_cast<float*>(::operator new[](bytes, std::align_val_t{64})));
}

Status check_executable(const Graph& graph, const Liveness& live) {
  for (std::size_t v = 0; v < graph.values.size(); ++v) {
    if (live.values[v] && graph.values[v].quantization) {
      return Error{ErrorCode::kUnsupported, "is quantized; the float network runs before quantization",
                   graph.values[v].name};
    }
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    if (std::holds_alternative<BatchNorm>(node.op)) {
      return Error{ErrorCode::kUnsupported, "a BatchNorm has to be folded before the network is run", node.name};
    }
    if (node.op.index() > Op(Dequantize{}).index()) {
      return Error{ErrorCode::kUnsupported, "is not executed in float yet", node.name};
    }
    const Filter* filter = filter_of(node);
    if (filter != nullptr && filter->quantized) {
      return Error{ErrorCode::kUnsupported, "its weights are quantized; the float network runs before quantization",
                   node.name};
    }
  }
  return {};
}

}  // namespace

struct FloatExecutor::Impl {
  struct Step {
    const Node* node = nullptr;
    std::optional<DnnlLayer> layer;
  };

  const Graph* graph = nullptr;
  int threads = 1;
  DnnlContext context;
  BufferPlan plan;
  std::vector<Buffer> slots;
  Buffer scratch;
  std::vector<Step> steps;

  [[nodiscard]] float* data(ValueId id) const {
    return slots[static_cast<std::size_t>(plan.slot[static_cast<std::size_t>(id)])].get();
  }
  [[nodiscard]] const TensorShape& shape(ValueId id) const { return graph->value(id).shape; }

  void build(const Liveness& live);
  void run_step(const Step& step) const;
  void run_concat(const Node& node) const;
};

void FloatExecutor::Impl::build(const Liveness& live) {
  plan = plan_buffers(*graph, live);
  for (const std::size_t floats : plan.slot_floats) slots.push_back(allocate(floats));
  std::size_t scratch_bytes = 0;
  for (std::size_t n = 0; n < graph->nodes.size(); ++n) {
    if (!live.nodes[n]) continue;
    const Node& node = graph->nodes[n];
    Step& step = steps.emplace_back();
    step.node = &node;
    if (filter_of(node) != nullptr) {
      step.layer.emplace(context, node, shape(node.inputs[0]), shape(node.output));
      scratch_bytes = std::max(scratch_bytes, step.layer->scratch_bytes());
    }
  }
  scratch = allocate((scratch_bytes + sizeof(float) - 1) / sizeof(float));
  for (Step& step : steps) {
    if (step.layer) {
      step.layer->bind(context, data(step.node->inputs[0]), data(step.node->output), scratch.get());
    }
  }
}

void FloatExecutor::Impl::run_concat(const Node& node) const {
  const TensorShape& out = shape(node.output);
  std::int64_t first = 0;
  for (const ValueId input : node.inputs) {
    const std::int64_t channels = shape(input).channels;
    copy_channels(data(input), channels, data(node.output), out.channels, first, out.height * out.width);
    first += channels;
  }
}

void FloatExecutor::Impl::run_step(const Step& step) const {
  if (step.layer) {
    step.layer->run(context);
    return;
  }
  const Node& node = *step.node;
  const TensorShape& in = shape(node.inputs[0]);
  const TensorShape& out = shape(node.output);
  const float* input = data(node.inputs[0]);
  float* output = data(node.output);
  if (std::holds_alternative<Activation>(node.op)) {
    clamp_values(input, output, out.elems(), node.clamp);
  } else if (std::holds_alternative<Add>(node.op)) {
    add_values(input, data(node.inputs[1]), output, out.elems(), node.clamp);
  } else if (const auto* max = std::get_if<MaxPool>(&node.op)) {
    max_pool(input, in, output, out, max->window);
  } else if (const auto* average = std::get_if<AveragePool>(&node.op)) {
    average_pool(input, in, output, out, average->window, average->count_include_pad);
  } else if (std::holds_alternative<GlobalAveragePool>(node.op)) {
    Window whole;
    whole.kernel_h = static_cast<int>(in.height);
    whole.kernel_w = static_cast<int>(in.width);
    average_pool(input, in, output, out, whole, false);
  } else if (std::holds_alternative<Concat>(node.op)) {
    run_concat(node);
  } else if (const auto* pad = std::get_if<PadChannels>(&node.op)) {
    std::fill_n(output, out.elems(), 0.0F);
    copy_channels(input, in.channels, output, out.channels, pad->before, out.height * out.width);
  }
  // Flatten and Identity share the buffer of their input; nothing else passes check_executable.
}

FloatExecutor::FloatExecutor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FloatExecutor::FloatExecutor(FloatExecutor&&) noexcept = default;
FloatExecutor& FloatExecutor::operator=(FloatExecutor&&) noexcept = default;
FloatExecutor::~FloatExecutor() = default;

Result<FloatExecutor> FloatExecutor::create(const Graph& graph, int threads) {
  if (threads < 1) {
    return Error{ErrorCode::kInvalidArgument, "must be 1 or more, is " + std::to_string(threads), "threads"};
  }
  NARROW_TRY(validate(graph));
  const Liveness live = find_live(graph);
  NARROW_TRY(check_executable(graph, live));
  try {
    auto impl = std::make_unique<Impl>();
    impl->graph = &graph;
    impl->threads = threads;
    const ScopedOpenMpThreads scope(threads);
    impl->build(live);
    return FloatExecutor(std::move(impl));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "the float network does not fit into memory", ""};
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN cannot prepare the float network: ") + error.what(), ""};
  }
}

Status FloatExecutor::run(std::span<const float> input, std::span<float> output, const Tap& tap) {
  const Impl& impl = *impl_;
  const Graph& graph = *impl.graph;
  const auto check_size = [&](std::size_t size, ValueId id) -> Status {
    const std::int64_t elems = impl.shape(id).elems();
    if (size == static_cast<std::size_t>(elems)) return {};
    return Error{ErrorCode::kInvalidArgument,
                 "buffer has " + std::to_string(size) + " floats, the network wants " + std::to_string(elems),
                 graph.value(id).name};
  };
  NARROW_TRY(check_size(input.size(), graph.input));
  NARROW_TRY(check_size(output.size(), graph.output));
  const auto report = [&](ValueId id) {
    if (tap) tap(id, {impl.data(id), static_cast<std::size_t>(impl.shape(id).elems())});
  };
  const ScopedOpenMpThreads scope(impl.threads);
  try {
    std::copy(input.begin(), input.end(), impl.data(graph.input));
    report(graph.input);
    for (const Impl::Step& step : impl.steps) {
      impl.run_step(step);
      report(step.node->output);
    }
    std::copy_n(impl.data(graph.output), output.size(), output.begin());
  } catch (const dnnl::error& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN failed to run the float network: ") + error.what(), ""};
  }
  return {};
}

}  // namespace narrow::graph
