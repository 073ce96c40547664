#include "engine/plan/plan.h"

#include <algorithm>

#include "engine/plan/make_step.h"
#include "engine/plan/memory_plan.h"
#include "engine/plan/step_groups.h"

namespace narrow::engine {
namespace {

// For each value the root, whose bytes it shares: itself, or the root of the input if the node moves no byte.
graph::ValueMap<graph::ValueId> find_roots(const graph::Graph& graph) {
  graph::ValueMap<graph::ValueId> roots = graph::each_to_itself(graph.values.size());
  for (const graph::Node& node : graph.nodes) {
    if (graph::moves_no_byte(node.op)) roots[node.output] = roots[node.inputs[0]];
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

// The location of every root. The caller's buffers serve as input and scores.
struct Placement {
  graph::ValueMap<Location> of_root;
  std::size_t bytes = 0;
  std::size_t largest_live_bytes = 0;
};

// Assigns a buffer to every root in the arena. Lifetimes are counted in step groups.
class Buffers {
 public:
  Buffers(const graph::Graph& graph, const graph::ValueMap<graph::ValueId>& roots)
      : graph_(graph), roots_(roots), of_value_(graph.values.size(), -1) {}

  Status add(const StepGroup& group, int step, int max_batch) {
    for (const int index : group.nodes) {
      for (const graph::ValueId id : node(index).inputs) {
        if (const int buffer = buffer_of(id); buffer >= 0) life(buffer).last_step = step;
      }
    }
    const graph::ValueId output = node(group.nodes.back()).output;
    if (output == roots_[graph_.input] || output == roots_[graph_.output]) return {};
    NARROW_ASSIGN(const std::size_t bytes, tensor_bytes(graph_.value(output), max_batch));
    of_value_[output] = static_cast<int>(lives_.size());
    lives_.push_back({step, step, bytes});
    return {};
  }

  // Assigns to the group's output the buffer of an input that no later group reads. Each element of that input must be
  // read before the same element of the output is written.
  void reuse_input(const StepGroup& group, int step) {
    const int output = buffer_of(node(group.nodes.back()).output);
    if (output < 0) return;
    for (const int index : group.nodes) {
      for (std::size_t i = 0; i < node(index).inputs.size(); ++i) {
        const int input = buffer_of(node(index).inputs[i]);
        if (input < 0 || input == output || life(input).last_step != step) continue;
        if (life(input).bytes != life(output).bytes || life(input).first_step >= step) continue;
        if (!can_overwrite_input(graph_, node(index), i) || !overwrites_only_its_own(group, input)) continue;
        life(input).last_step = life(output).last_step;
        life(output).bytes = 0;
        std::replace(of_value_.begin(), of_value_.end(), output, input);
        return;
      }
    }
  }

  [[nodiscard]] const std::vector<BufferLife>& lives() const { return lives_; }
  // Returns -1 if the value is not in the arena.
  [[nodiscard]] int buffer_of(graph::ValueId id) const { return of_value_[roots_[id]]; }

 private:
  [[nodiscard]] const graph::Node& node(int index) const { return graph_.nodes[static_cast<std::size_t>(index)]; }
  BufferLife& life(int buffer) { return lives_[static_cast<std::size_t>(buffer)]; }

  // Whether all nodes of the group read the buffer element by element. The convolution of a fused chain does not: it
  // also reads neighbours.
  [[nodiscard]] bool overwrites_only_its_own(const StepGroup& group, int buffer) const {
    for (const int index : group.nodes) {
      for (std::size_t i = 0; i < node(index).inputs.size(); ++i) {
        if (buffer_of(node(index).inputs[i]) == buffer && !can_overwrite_input(graph_, node(index), i)) return false;
      }
    }
    return true;
  }

  const graph::Graph& graph_;
  const graph::ValueMap<graph::ValueId>& roots_;
  graph::ValueMap<int> of_value_;
  std::vector<BufferLife> lives_;
};

Result<Placement> place_tensors(const graph::Graph& graph, const graph::ValueMap<graph::ValueId>& roots,
                                const std::vector<StepGroup>& groups, int max_batch) {
  Placement placement;
  placement.of_root = graph::ValueMap<Location>(graph.values.size());
  placement.of_root[roots[graph.output]].place = Location::Place::kScores;
  placement.of_root[roots[graph.input]].place = Location::Place::kInput;

  Buffers buffers(graph, roots);
  for (std::size_t step = 0; step < groups.size(); ++step) {
    NARROW_TRY(buffers.add(groups[step], static_cast<int>(step), max_batch));
  }
  for (std::size_t step = 0; step < groups.size(); ++step) buffers.reuse_input(groups[step], static_cast<int>(step));
  NARROW_ASSIGN(const MemoryPlan memory, plan_memory(buffers.lives()));
  for (graph::ValueId value = 0; value < static_cast<graph::ValueId>(graph.values.size()); ++value) {
    const int buffer = buffers.buffer_of(value);
    if (buffer >= 0) placement.of_root[value].offset = memory.offsets[static_cast<std::size_t>(buffer)];
  }
  for (const StepGroup& group : groups) {
    for (std::size_t strip = 0; strip < group.strips.size(); ++strip) {
      const std::size_t end = group.strip_end(strip);
      for (std::size_t i = group.strips[strip]; i < end && i + 1 < group.nodes.size(); ++i) {
        const graph::Node& node = graph.nodes[static_cast<std::size_t>(group.nodes[i])];
        placement.of_root[node.output] =
            i + 1 < end ? Location{Location::Place::kRows, 0} : Location{Location::Place::kStrip, strip};
      }
    }
  }
  placement.bytes = memory.bytes;
  placement.largest_live_bytes = memory.largest_live_bytes;
  return placement;
}

}  // namespace

Result<Plan> compile(const graph::Graph& graph, Isa isa, int max_batch, const WeightPages* pages) {
  const graph::ValueMap<graph::ValueId> roots = find_roots(graph);
  const std::vector<StepGroup> groups = group_steps(graph);
  NARROW_ASSIGN(const Placement placement, place_tensors(graph, roots, groups, max_batch));
  const auto location = [&](graph::ValueId id) { return placement.of_root[roots[id]]; };

  Plan plan;
  plan.tensor_bytes = placement.bytes;
  plan.largest_live_bytes = placement.largest_live_bytes;
  for (const StepGroup& group : groups) {
    std::vector<std::unique_ptr<Step>> strips;
    std::vector<TensorShape> shapes;  // of the tensors between the stages
    for (std::size_t strip = 0; strip < group.strips.size(); ++strip) {
      std::unique_ptr<Step> step;  // the first of the stage, then the whole stage
      std::vector<std::unique_ptr<ElementwiseStep>> followers;
      const std::size_t end = group.strip_end(strip);
      for (std::size_t i = group.strips[strip]; i < end; ++i) {
        const graph::Node& node = graph.nodes[static_cast<std::size_t>(group.nodes[i])];
        NodePlace place{graph, node, isa, {}, location(node.output), pages};
        std::transform(node.inputs.begin(), node.inputs.end(), std::back_inserter(place.inputs), location);
        if (i == group.strips[strip]) {
          NARROW_ASSIGN(step, make_step(place));
        } else {
          NARROW_ASSIGN(std::unique_ptr<ElementwiseStep> follower, make_elementwise_step(place));
          followers.push_back(std::move(follower));
        }
      }
      shapes.push_back(graph.value(graph.nodes[static_cast<std::size_t>(group.nodes[end - 1])].output).shape);
      if (!followers.empty()) {
        NARROW_ASSIGN(step, make_chain_step(std::move(step), std::move(followers), shapes.back()));
      }
      strips.push_back(std::move(step));
    }
    std::unique_ptr<Step> step = std::move(strips.front());
    if (strips.size() > 1) {
      strips.front() = std::move(step);
      shapes.pop_back();
      NARROW_ASSIGN(step, make_strip_step(std::move(strips), shapes));
    }
    plan.workspace_bytes = std::max(plan.workspace_bytes, step->workspace_bytes());
    plan.steps.push_back(std::move(step));
  }
  if (roots[graph.output] == roots[graph.input]) {
    plan.steps.push_back(make_copy_step(graph.value(graph.output).shape.elems(), location(graph.input),
                                        Location{Location::Place::kScores, 0}));
  }
  NARROW_ASSIGN(plan.workspace_bytes, align_arena(plan.workspace_bytes));
  if (pages != nullptr) pages->release_all();
  return plan;
}

}  // namespace narrow::engine
