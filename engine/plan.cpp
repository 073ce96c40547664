#include "engine/plan.h"

#include <algorithm>
#include <numeric>

#include "engine/make_step.h"
#include "engine/memory_plan.h"

namespace narrow::engine {
namespace {

std::size_t index_of(graph::ValueId id) { return static_cast<std::size_t>(id); }

// For each value the one whose bytes it shares: its own, or that of a Flatten's input.
std::vector<graph::ValueId> find_roots(const graph::Graph& graph) {
  std::vector<graph::ValueId> roots(graph.values.size());
  std::iota(roots.begin(), roots.end(), graph::ValueId{0});
  for (const graph::Node& node : graph.nodes) {
    if (graph::moves_no_byte(node.op)) roots[index_of(node.output)] = roots[index_of(node.inputs[0])];
  }
  return roots;
}

Result<std::size_t> tensor_bytes(const graph::Value& value, int max_batch) {
  const std::size_t element = value.quantization ? sizeof(std::uint8_t) : sizeof(float);
  std::size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(value.shape.elems()), element, &bytes) ||
      __builtin_mul_overflow(bytes, static_cast<std::size_t>(max_batch), &bytes)) {
    return Error{ErrorCode::kLimit, "the tensor is too large for " + std::to_string(max_batch) + " pictures",
                 value.name};
  }
  return bytes;
}

// Where every root lives. The caller's buffers serve as the input and, for the step that computes them, the scores.
struct Placement {
  std::vector<Location> of_root;  // by value
  std::size_t bytes = 0;
};

Result<Placement> place_tensors(const graph::Graph& graph, const std::vector<graph::ValueId>& roots, int max_batch) {
  Placement placement;
  placement.of_root.resize(graph.values.size());
  const graph::ValueId input = roots[index_of(graph.input)];
  const graph::ValueId scores = roots[index_of(graph.output)];
  placement.of_root[index_of(scores)].place = Location::Place::kScores;
  placement.of_root[index_of(input)].place = Location::Place::kInput;

  std::vector<int> buffer_of(graph.values.size(), -1);
  std::vector<BufferLife> buffers;
  int step = 0;
  for (const graph::Node& node : graph.nodes) {
    if (graph::moves_no_byte(node.op)) continue;
    for (const graph::ValueId id : node.inputs) {
      const int buffer = buffer_of[index_of(roots[index_of(id)])];
      if (buffer >= 0) buffers[static_cast<std::size_t>(buffer)].last_step = step;
    }
    if (node.output != input && node.output != scores) {
      NARROW_ASSIGN(const std::size_t bytes, tensor_bytes(graph.value(node.output), max_batch));
      buffer_of[index_of(node.output)] = static_cast<int>(buffers.size());
      buffers.push_back({step, step, bytes});
    }
    ++step;
  }
  NARROW_ASSIGN(const MemoryPlan memory, plan_memory(buffers));
  for (std::size_t value = 0; value < buffer_of.size(); ++value) {
    if (buffer_of[value] < 0) continue;
    placement.of_root[value].offset = memory.offsets[static_cast<std::size_t>(buffer_of[value])];
  }
  placement.bytes = memory.bytes;
  return placement;
}

}  // namespace

Result<Plan> compile(const graph::Graph& graph, Isa isa, int max_batch) {
  const std::vector<graph::ValueId> roots = find_roots(graph);
  NARROW_ASSIGN(const Placement placement, place_tensors(graph, roots, max_batch));
  const auto location = [&](graph::ValueId id) { return placement.of_root[index_of(roots[index_of(id)])]; };

  Plan plan;
  plan.tensor_bytes = placement.bytes;
  for (const graph::Node& node : graph.nodes) {
    if (graph::moves_no_byte(node.op)) continue;
    NodePlace place{graph, node, isa, {}, location(node.output)};
    std::transform(node.inputs.begin(), node.inputs.end(), std::back_inserter(place.inputs), location);
    NARROW_ASSIGN(std::unique_ptr<Step> step, make_step(place));
    plan.workspace_bytes = std::max(plan.workspace_bytes, step->workspace_bytes());
    plan.steps.push_back(std::move(step));
  }
  if (roots[index_of(graph.output)] == roots[index_of(graph.input)]) {
    plan.steps.push_back(make_copy_step(graph.value(graph.output).shape.elems(), location(graph.input),
                                        Location{Location::Place::kScores, 0}));
  }
  NARROW_ASSIGN(plan.workspace_bytes, align_arena(plan.workspace_bytes));
  return plan;
}

}  // namespace narrow::engine
