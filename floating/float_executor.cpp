#include "floating/float_executor.h"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/cancelled.h"
#include "base/float_environment.h"
#include "base/try.h"
#include "floating/dnnl_layer.h"
#include "floating/float_functions.h"
#include "floating/float_nodes.h"
#include "floating/integer_layer.h"
#include "floating/integer_node.h"
#include "floating/openmp_threads.h"
#include "graph/liveness.h"
#include "graph/operators.h"
#include "graph/validate_parts.h"

namespace narrow::graph {
namespace {

template <class T>
T* elements_of(const base::AlignedBuffer& buffer) {
  return reinterpret_cast<T*>(buffer.data());
}

// Throws std::bad_alloc, like the other functions that prepare an executor.
base::AlignedBuffer allocate(std::size_t bytes) {
  Result<base::AlignedBuffer> buffer = base::AlignedBuffer::allocate(std::max<std::size_t>(bytes, 1), {"tensors"});
  if (!buffer.ok()) throw std::bad_alloc();
  return std::move(*buffer);
}

Status check_executable(const Graph& graph) {
  const Liveness live = find_live(graph);
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (live.nodes[n] && row_of(graph.nodes[n].op).has(kFoldedBeforeRunning)) {
      return Error{ErrorCode::kUnsupported,
                   "a " + std::string(op_name(graph.nodes[n].op)) + " has to be folded before the network is run",
                   graph.nodes[n].name};
    }
  }
  return {};
}

}  // namespace

struct FloatExecutor::Impl {
  // Tensors, with the object that computes the step. The kind of the step decides which object that is.
  struct Step {
    const ProgramStep* plan = nullptr;
    const Node* node = nullptr;
    std::vector<FloatTensor> inputs;
    FloatTensor output;
    std::optional<DnnlLayer> float_layer;
    std::optional<IntegerLayer> integer_layer;
    std::optional<IntegerNode> integer_node;
  };

  Graph graph;  // with the simulated quantization
  Program program;
  int threads = 1;
  const Cancellation* cancellation = nullptr;
  DnnlContext context;
  std::vector<base::AlignedBuffer> slots;
  base::AlignedBuffer dnnl_workspace;
  base::AlignedBuffer levels;
  base::AlignedBuffer sums;
  std::vector<Step> steps;
  ValueMap<bool> is_kept;

  [[nodiscard]] float* data(int tensor) const {
    return elements_of<float>(slots[index(program.buffers.slot[index(tensor)])]);
  }
  [[nodiscard]] FloatTensor tensor(int number, ValueId id) const { return {data(number), graph.value(id).shape}; }
  [[nodiscard]] std::span<const float> elements(int tensor, ValueId id) const {
    return {data(tensor), static_cast<std::size_t>(graph.value(id).shape.elems())};
  }
  [[nodiscard]] const std::optional<Quantization>& quantization(ValueId id) const {
    return graph.value(id).quantization;
  }

  Status build(const std::vector<ValueId>& keep);
  void prepare(Step& step);
  void bind_layers();
  void run_step(Step& step);
  Status check_feeds(std::span<const Feed> feeds) const;
  Status check_size(std::size_t size, ValueId id) const;
  Status check_replacement(const Step& step, const Filter& filter) const;
};

Status FloatExecutor::Impl::build(const std::vector<ValueId>& keep) {
  for (const std::size_t floats : program.buffers.slot_floats) slots.push_back(allocate(floats * sizeof(float)));
  is_kept = ValueMap<bool>(graph.values.size(), false);
  for (const ValueId id : keep) is_kept[id] = true;
  for (const ValueId id : program.outputs) is_kept[id] = true;
  steps.reserve(program.steps.size());
  for (const ProgramStep& plan : program.steps) {
    NARROW_TRY(base::check_cancelled(cancellation));
    Step& step = steps.emplace_back();
    step.plan = &plan;
    step.node = &graph.nodes[plan.node];
    // A node that rounds in place or shares memory needs no other shape than the output's.
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      const bool is_value = plan.kind == StepKind::kRound;
      step.inputs.push_back(tensor(plan.inputs[i], is_value ? plan.value : step.node->inputs[i]));
    }
    step.output = tensor(plan.output, plan.value);
    prepare(step);
  }
  bind_layers();
  return {};
}

void FloatExecutor::Impl::prepare(Step& step) {
  const Node& node = *step.node;
  const Filter* filter = filter_of(node);
  if (step.plan->kind == StepKind::kFloat && filter != nullptr) {
    step.float_layer.emplace(context, node, step.inputs[0].shape, step.output.shape, node.clamp);
    step.float_layer->set_filter(context, filter->weights, filter->bias);
  }
  if (step.plan->kind != StepKind::kIntegers) return;
  std::vector<std::optional<Quantization>> inputs;
  for (const ValueId id : node.inputs) inputs.push_back(quantization(id));
  if (filter != nullptr) {
    step.integer_layer.emplace(context, node, step.inputs[0].shape, step.output.shape, *inputs[0],
                               quantization(node.output));
  } else {
    step.integer_node.emplace(node, inputs, *quantization(node.output));
  }
}

void FloatExecutor::Impl::bind_layers() {
  std::size_t dnnl_bytes = 0;
  std::size_t level_count = 0;
  std::size_t sum_count = 0;
  for (const Step& step : steps) {
    if (step.float_layer) dnnl_bytes = std::max(dnnl_bytes, step.float_layer->workspace_bytes());
    if (!step.integer_layer) continue;
    dnnl_bytes = std::max(dnnl_bytes, step.integer_layer->dnnl_bytes());
    level_count = std::max(level_count, step.integer_layer->level_count());
    sum_count = std::max(sum_count, step.integer_layer->sum_count());
  }
  dnnl_workspace = allocate(dnnl_bytes);
  levels = allocate(level_count * sizeof(float));
  sums = allocate(sum_count * sizeof(std::int32_t));
  const IntegerLayer::Workspace workspace{dnnl_workspace.data(), elements_of<float>(levels),
                                          elements_of<std::int32_t>(sums)};
  for (Step& step : steps) {
    if (step.float_layer) step.float_layer->bind(context, step.inputs[0].data, step.output.data, workspace.dnnl);
    if (step.integer_layer) step.integer_layer->bind(context, step.inputs[0].data, step.output.data, workspace);
  }
}

void FloatExecutor::Impl::run_step(Step& step) {
  switch (step.plan->kind) {
    case StepKind::kShare:
      return;
    case StepKind::kFloat:
      return step.float_layer ? step.float_layer->run(context) : run_node(*step.node, step.inputs, step.output);
    case StepKind::kIntegers:
      return step.integer_layer ? step.integer_layer->run(context) : step.integer_node->run(step.inputs, step.output);
    case StepKind::kRound:
      return fake_quantize(step.inputs[0].data, step.output.data, step.output.shape.elems(),
                           *quantization(step.plan->value));
  }
}

Status FloatExecutor::Impl::check_size(std::size_t size, ValueId id) const {
  const std::int64_t elems = graph.value(id).shape.elems();
  if (size == static_cast<std::size_t>(elems)) return {};
  return Error{ErrorCode::kInvalidArgument,
               "buffer has " + std::to_string(size) + " floats, the network takes " + std::to_string(elems),
               graph.value(id).name};
}

Status FloatExecutor::Impl::check_feeds(std::span<const Feed> feeds) const {
  for (const ValueId id : program.inputs) {
    const auto feed = std::find_if(feeds.begin(), feeds.end(), [id](const Feed& f) { return f.value == id; });
    if (feed == feeds.end()) return Error{ErrorCode::kInvalidArgument, "has to be fed", graph.value(id).name};
    NARROW_TRY(check_size(feed->elements.size(), id));
  }
  if (feeds.size() == program.inputs.size()) return {};
  return Error{ErrorCode::kInvalidArgument,
               "there are " + std::to_string(feeds.size()) + ", the network has " +
                   std::to_string(program.inputs.size()) + " inputs",
               "feeds"};
}

Status FloatExecutor::Impl::check_replacement(const Step& step, const Filter& filter) const {
  const auto error = [&](const std::string& message) {
    return Error{ErrorCode::kInvalidArgument, message, step.node->name};
  };
  if (filter.quantized.has_value() != step.integer_layer.has_value()) {
    return error(step.integer_layer ? "computes in integers and needs integer weights"
                                    : "computes in float and needs float weights");
  }
  if (!filter.quantized) {
    const Filter& own = *filter_of(*step.node);
    if (filter.weights.size() == own.weights.size() && filter.bias.size() == own.bias.size()) return {};
    return error("has " + std::to_string(own.weights.size()) + " weights and " + std::to_string(own.bias.size()) +
                 " biases, not " + std::to_string(filter.weights.size()) + " and " +
                 std::to_string(filter.bias.size()));
  }
  Node node = *step.node;
  *filter_of(node) = filter;
  return check_types(graph, node);
}

FloatExecutor::FloatExecutor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FloatExecutor::FloatExecutor(FloatExecutor&&) noexcept = default;
FloatExecutor& FloatExecutor::operator=(FloatExecutor&&) noexcept = default;
FloatExecutor::~FloatExecutor() = default;

Result<FloatExecutor> FloatExecutor::create(const Graph& graph, int threads) {
  return create(graph, ExecutorOptions{.threads = threads});
}

Result<FloatExecutor> FloatExecutor::create(const Graph& graph, const ExecutorOptions& options) {
  if (options.threads < 1) {
    return Error{ErrorCode::kInvalidArgument, "must be 1 or more, is " + std::to_string(options.threads), "threads"};
  }
  NARROW_TRY(validate(graph));
  NARROW_TRY(check_executable(graph));
  const Simulation nothing;
  const Simulation& simulation = options.simulate != nullptr ? *options.simulate : nothing;
  try {
    auto impl = std::make_unique<Impl>();
    NARROW_ASSIGN(impl->graph, lay_over(graph, simulation));
    NARROW_ASSIGN(impl->program, plan_program(impl->graph, simulation, options.nodes, options.keep));
    impl->threads = options.threads;
    const ScopedOpenMpThreads scope(options.threads);
    const base::DefaultFloatEnvironment environment;
    impl->cancellation = options.cancellation;
    NARROW_TRY(impl->build(options.keep));
    return FloatExecutor(std::move(impl));
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "the float network does not fit into memory", ""};
  } catch (const std::exception& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN cannot prepare the float network: ") + error.what(), ""};
  }
}

const std::vector<ValueId>& FloatExecutor::inputs() const { return impl_->program.inputs; }
const std::vector<ValueId>& FloatExecutor::outputs() const { return impl_->program.outputs; }

Status FloatExecutor::run(std::span<const Feed> feeds, const ValueCallback& callback) {
  Impl& impl = *impl_;
  NARROW_TRY(impl.check_feeds(feeds));
  const auto report = [&](int tensor, ValueId id) {
    if (callback) callback(id, impl.elements(tensor, id));
  };
  const ScopedOpenMpThreads scope(impl.threads);
  const base::DefaultFloatEnvironment environment;
  try {
    for (const Feed& feed : feeds) {
      const int tensor = impl.program.written[feed.value];
      std::copy(feed.elements.begin(), feed.elements.end(), impl.data(tensor));
      if (!impl.quantization(feed.value)) report(tensor, feed.value);
    }
    for (Impl::Step& step : impl.steps) {
      NARROW_TRY(base::check_cancelled(impl.cancellation));
      impl.run_step(step);
      if (step.plan->finishes) report(step.plan->output, step.plan->value);
    }
  } catch (const dnnl::error& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN failed to run the float network: ") + error.what(), ""};
  }
  return {};
}

Status FloatExecutor::run(std::span<const float> input, std::span<float> output, const ValueCallback& callback) {
  const Graph& graph = impl_->graph;
  NARROW_TRY(impl_->check_size(input.size(), graph.input));
  NARROW_TRY(impl_->check_size(output.size(), graph.output));
  const Feed feed{graph.input, input};
  NARROW_TRY(run({&feed, 1}, callback));
  const std::span<const float> result = as_written(graph.output);
  if (result.empty()) {
    return Error{ErrorCode::kInvalidArgument, "is not computed by these nodes", graph.value(graph.output).name};
  }
  std::copy(result.begin(), result.end(), output.begin());
  return {};
}

std::span<const float> FloatExecutor::value(ValueId id) const {
  if (id < 0 || static_cast<std::size_t>(id) >= impl_->is_kept.size() || !impl_->is_kept[id]) return {};
  return impl_->elements(impl_->program.rounded[id], id);
}

std::span<const float> FloatExecutor::as_written(ValueId id) const {
  if (value(id).empty()) return {};
  return impl_->elements(impl_->program.written[id], id);
}

Status FloatExecutor::replace(std::size_t node, const Filter& filter) {
  Impl& impl = *impl_;
  const auto step = std::find_if(impl.steps.begin(), impl.steps.end(), [&](const Impl::Step& s) {
    return s.plan->node == node && (s.float_layer || s.integer_layer);
  });
  if (step == impl.steps.end()) {
    return Error{ErrorCode::kInvalidArgument, "node " + std::to_string(node) + " is no layer that this executor runs",
                 "node"};
  }
  NARROW_TRY(impl.check_replacement(*step, filter));
  const ScopedOpenMpThreads scope(impl.threads);
  try {
    if (step->float_layer) {
      step->float_layer->set_filter(impl.context, filter.weights, filter.bias);
    } else {
      step->integer_layer->set_filter(impl.context, *filter.quantized);
    }
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "the weights do not fit into memory", step->node->name};
  } catch (const dnnl::error& error) {
    return Error{ErrorCode::kInternal, std::string("oneDNN cannot prepare the weights: ") + error.what(),
                 step->node->name};
  }
  return {};
}

}  // namespace narrow::graph
