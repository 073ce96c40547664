#include "engine/plan/tensor_placement.h"

#include <algorithm>
#include <string>

#include "base/text.h"
#include "base/try.h"
#include "engine/plan/memory_plan.h"

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
    return Error{ErrorCode::kLimit, base::joined({"the tensor is too large for ", max_batch, " images"}), value.name};
  }
  return bytes;
}

// Assigns a buffer to every root in the arena. Lifetimes are counted in step groups.
class Buffers {
 public:
  Buffers(const graph::Graph& graph, const graph::ValueMap<graph::ValueId>& roots)
      : graph_(graph), roots_(roots), of_value_(graph.values.size(), -1) {}

  Status add(const StepGroup& group, int step, int max_batch) {
    for (const int index : group.nodes()) {
      for (const graph::ValueId id : node(index).inputs) {
        if (const int buffer = buffer_of(id); buffer >= 0) life(buffer).last_step = step;
      }
    }
    const graph::ValueId output = node(group.last()).output;
    if (output == roots_[graph_.input] || output == roots_[graph_.output]) return {};
    NARROW_ASSIGN(const std::size_t bytes, tensor_bytes(graph_.value(output), max_batch));
    of_value_[output] = static_cast<int>(lives_.size());
    lives_.push_back({step, step, bytes});
    return {};
  }

  void keep(graph::ValueId id, int last_step) {
    if (const int buffer = buffer_of(id); buffer >= 0) life(buffer).last_step = last_step;
  }

  // Assigns to the group's output the buffer of an input that no later group reads. Each element of that input must be
  // read before the same element of the output is written.
  void reuse_input(const StepGroup& group, int step) {
    const int output = buffer_of(node(group.last()).output);
    if (output < 0) return;
    for (const int index : group.nodes()) {
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
    for (const int index : group.nodes()) {
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

// The tensors between the nodes of a group. No other value shares their bytes: each has one reader, in the group.
void place_within(const graph::Graph& graph, const StepGroup& group, graph::ValueMap<Location>& locations) {
  const auto output = [&](int index) { return graph.nodes[static_cast<std::size_t>(index)].output; };
  for (std::size_t stage = 0; stage < group.stages.size(); ++stage) {
    const std::vector<int>& nodes = group.stages[stage];
    for (std::size_t i = 0; i + 1 < nodes.size(); ++i) locations[output(nodes[i])] = InChain{};
    if (stage + 1 < group.stages.size()) locations[output(nodes.back())] = BetweenStages{stage};
  }
}

}  // namespace

Result<TensorPlacement> place_tensors(const graph::Graph& graph, const std::vector<StepGroup>& groups, int max_batch,
                                      std::span<const graph::ValueId> kept) {
  const graph::ValueMap<graph::ValueId> roots = find_roots(graph);
  Buffers buffers(graph, roots);
  for (std::size_t step = 0; step < groups.size(); ++step) {
    NARROW_TRY(buffers.add(groups[step], static_cast<int>(step), max_batch));
  }
  // Nothing reads them after the last step, and so nothing takes their bytes.
  for (const graph::ValueId id : kept) buffers.keep(id, static_cast<int>(groups.size()));
  for (std::size_t step = 0; step < groups.size(); ++step) buffers.reuse_input(groups[step], static_cast<int>(step));
  NARROW_ASSIGN(const MemoryPlan memory, plan_memory(buffers.lives()));

  graph::ValueMap<Location> locations(graph.values.size());
  for (graph::ValueId id = 0; graph.has(id); ++id) {
    if (roots[id] == roots[graph.input]) {
      locations[id] = InInput{};
    } else if (roots[id] == roots[graph.output]) {
      locations[id] = InScores{};
    } else if (const int buffer = buffers.buffer_of(id); buffer >= 0) {
      locations[id] = InArena{memory.offsets[static_cast<std::size_t>(buffer)]};
    }
  }
  for (const StepGroup& group : groups) place_within(graph, group, locations);
  return TensorPlacement{std::move(locations), memory.bytes, memory.largest_live_bytes};
}

}  // namespace narrow::engine
