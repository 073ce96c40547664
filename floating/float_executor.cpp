#include "floating/float_executor.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "floating/dnnl_layer.h"
#include "floating/float_nodes.h"
#include "floating/openmp_threads.h"
#include "graph/liveness.h"

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
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (!live.nodes[n]) continue;
    if (std::holds_alternative<BatchNorm>(node.op)) {
      return Error{ErrorCode::kUnsupported, "a BatchNorm has to be folded before the network is run", node.name};
    }
    const Filter* filter = filter_of(node);
    if (filter != nullptr && filter->quantized) {
      return Error{ErrorCode::kUnsupported, "its weights are quantized; the float network runs before quantization",
                   node.name};
    }
    const bool states_quantization = std::holds_alternative<Quantize>(node.op) ||
                                     std::holds_alternative<Activation>(node.op) || is_lossless(node.op);
    if (graph.value(node.output).quantization && !states_quantization) {
      return Error{ErrorCode::kUnsupported, "its output is quantized; the float network runs before quantization",
                   node.name};
    }
  }
  return {};
}

}  // namespace

struct FloatExecutor::Impl {
  struct Step {
    const Node* node = nullptr;
    std::optional<DnnlLayer> layer;  // of nodes with weights
    std::vector<FloatTensor> inputs;
    FloatTensor output;
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
    for (const ValueId input : node.inputs) step.inputs.push_back({data(input), shape(input)});
    step.output = {data(node.output), shape(node.output)};
    if (filter_of(node) != nullptr) {
      step.layer.emplace(context, node, shape(node.inputs[0]), shape(node.output));
      scratch_bytes = std::max(scratch_bytes, step.layer->scratch_bytes());
    }
  }
  scratch = allocate((scratch_bytes + sizeof(float) - 1) / sizeof(float));
  for (Step& step : steps) {
    if (step.layer) {
      step.layer->bind(context, step.inputs[0].data, step.output.data, scratch.get());
    }
  }
}

void FloatExecutor::Impl::run_step(const Step& step) const {
  if (step.layer) {
    step.layer->run(context);
  } else {
    run_node(*step.node, step.inputs, step.output, graph->value(step.node->output));
  }
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
