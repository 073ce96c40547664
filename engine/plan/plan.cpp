#include "engine/plan/plan.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "base/text.h"
#include "base/try.h"
#include "engine/plan/make_step.h"
#include "engine/plan/memory_plan.h"
#include "engine/plan/step_groups.h"
#include "engine/plan/tensor_placement.h"

namespace narrow::engine {
namespace {

class Compiler {
 public:
  // All must outlive the compiler.
  Compiler(const graph::Graph& graph, const PackedLayers& layers, const graph::ValueMap<Location>& locations)
      : graph_(graph), layers_(layers), locations_(locations) {}

  [[nodiscard]] StepResult compile_group(const StepGroup& group) const {
    if (group.stages.size() == 1) return compile_stage(group.stages.front());
    std::vector<std::unique_ptr<Step>> steps;
    std::vector<TensorShape> shapes;  // of the tensors between the stages
    for (const std::vector<int>& stage : group.stages) {
      NARROW_ASSIGN(std::unique_ptr<Step> step, compile_stage(stage));
      steps.push_back(std::move(step));
      if (steps.size() < group.stages.size()) shapes.push_back(shape_of(stage.back()));
    }
    return make_row_tile_step(std::move(steps), shapes);
  }

 private:
  // nodes: the first of a stage, and its fused chain.
  [[nodiscard]] StepResult compile_stage(const std::vector<int>& nodes) const {
    const bool sums = nodes.size() > 1 && graph::summed_input(graph_, node(nodes[1]));
    NARROW_ASSIGN(std::unique_ptr<Step> first, sums ? make_residual_sum_step(place_of(nodes[0]), place_of(nodes[1]))
                                                    : make_step(place_of(nodes[0])));
    const std::size_t computed = sums ? 2 : 1;
    if (nodes.size() == computed) return first;
    std::vector<std::unique_ptr<ElementwiseStep>> followers;
    for (std::size_t i = computed; i < nodes.size(); ++i) {
      NARROW_ASSIGN(std::unique_ptr<ElementwiseStep> follower, make_elementwise_step(place_of(nodes[i])));
      followers.push_back(std::move(follower));
    }
    return make_chain_step(std::move(first), std::move(followers), shape_of(nodes.back()));
  }

  [[nodiscard]] NodePlace place_of(int index) const {
    NodePlace place{graph_, node(index), layers_.isa(), {}, locations_[node(index).output], layers_.of(index)};
    for (const graph::ValueId id : place.node.inputs) place.inputs.push_back(locations_[id]);
    return place;
  }

  [[nodiscard]] const graph::Node& node(int index) const { return graph_.nodes[static_cast<std::size_t>(index)]; }
  [[nodiscard]] const TensorShape& shape_of(int index) const { return graph_.value(node(index).output).shape; }

  const graph::Graph& graph_;
  const PackedLayers& layers_;
  const graph::ValueMap<Location>& locations_;
};

Status check_operations(const graph::Graph& graph, const SessionLimits& limits) {
  const double needed = graph::operations(graph);
  if (needed <= static_cast<double>(limits.operations)) return {};
  return Error{ErrorCode::kLimit,
               "one image takes " + base::number_text(needed) + " operations; allowed are " +
                   std::to_string(limits.operations) + " (max_operations)",
               "session"};
}

// weight_bytes: of the weights as kernels read them, or less.
Status check_memory(std::size_t tensor_bytes, double weight_bytes, int max_batch, const SessionLimits& limits) {
  const double needed = static_cast<double>(tensor_bytes) + weight_bytes;
  if (needed <= static_cast<double>(limits.memory_bytes)) return {};
  return Error{ErrorCode::kLimit,
               "the tensors of " + std::to_string(max_batch) + (max_batch == 1 ? " image" : " images") +
                   " (max_batch) and the weights take " + base::number_text(needed) + " bytes; allowed are " +
                   std::to_string(limits.memory_bytes) + " (max_memory_bytes)",
               "session"};
}

// The value whose bytes a value shares, where nodes in between move none.
graph::ValueId root_of(const graph::Graph& graph, const graph::ValueMap<int>& writers, graph::ValueId id) {
  while (writers[id] >= 0) {
    const graph::Node& writer = graph.nodes[static_cast<std::size_t>(writers[id])];
    if (!graph::moves_no_byte(writer.op)) break;
    id = writer.inputs[0];
  }
  return id;
}

// The value with a name that the caller gave.
Result<graph::ValueId> find_output(const graph::Graph& graph, const graph::ValueMap<int>& writers,
                                   const std::string& name) {
  const auto found =
      std::find_if(graph.values.begin(), graph.values.end(), [&](const auto& value) { return value.name == name; });
  const auto id = static_cast<graph::ValueId>(found - graph.values.begin());
  if (found == graph.values.end() || (id != graph.input && writers[id] < 0)) {
    return Error{ErrorCode::kNotFound,
                 "the network has no tensor of this name; Model::tensors() and `narrow inspect` list them", name};
  }
  const graph::ValueId root = root_of(graph, writers, id);
  if (root == graph.input) {
    return Error{ErrorCode::kInvalidArgument, "is the network's input, which the caller has", name};
  }
  if (root == root_of(graph, writers, graph.output)) {
    return Error{ErrorCode::kInvalidArgument, "holds the network's scores, which every run writes", name};
  }
  for (const graph::Node& node : graph.nodes) {
    const std::optional<std::size_t> summed = graph::summed_input(graph, node);
    if (!summed || node.inputs[*summed] != root) continue;
    return Error{
        ErrorCode::kUnsupported,
        base::joined({"is never in memory: its convolution is computed with the sum '", node.name, "', which is"}),
        name};
  }
  return id;
}

std::optional<IntegerInput> integer_input(const graph::Graph& graph, const std::vector<StepGroup>& groups,
                                          const graph::ValueMap<Location>& locations) {
  if (groups.empty() || groups.front().nodes().size() != 1) return std::nullopt;
  const graph::Node& first = graph.nodes[static_cast<std::size_t>(groups.front().first())];
  if (!graph::is<graph::Quantize>(first.op) || first.inputs.front() != graph.input) return std::nullopt;
  for (const graph::Node& node : graph.nodes) {
    if (&node != &first && std::count(node.inputs.begin(), node.inputs.end(), graph.input) != 0) return std::nullopt;
  }
  const auto* const place = std::get_if<InArena>(&locations[first.output]);
  if (place == nullptr) return std::nullopt;
  return IntegerInput{*graph.value(first.output).quantization, place->offset};
}

}  // namespace

Result<Plan> compile(const ModelData& model, kernels::Target target, int max_batch, const SessionLimits& limits,
                     const std::vector<std::string>& outputs, const Allocator& allocator, const LoadLayers& load) {
  const graph::Graph& graph = model.graph;
  NARROW_TRY(check_operations(graph, limits));
  std::vector<graph::ValueId> named;
  std::vector<graph::ValueId> kept;  // their roots
  if (!outputs.empty()) {
    const graph::ValueMap<int> writers = graph::producers(graph);
    for (const std::string& name : outputs) {
      NARROW_ASSIGN(const graph::ValueId id, find_output(graph, writers, name));
      named.push_back(id);
      kept.push_back(root_of(graph, writers, id));
    }
  }
  const std::vector<StepGroup> groups = group_steps(graph, kept);
  NARROW_ASSIGN(const TensorPlacement placement, place_tensors(graph, groups, max_batch, kept));
  NARROW_TRY(check_memory(placement.bytes, least_packed_bytes(graph), max_batch, limits));

  Plan plan;
  plan.tensor_bytes = placement.bytes;
  plan.largest_live_bytes = placement.largest_live_bytes;
  for (const graph::ValueId id : named) {
    const graph::Value& value = graph.value(id);
    plan.outputs.push_back({value.name, value.shape, value.quantization, std::get<InArena>(placement.locations[id])});
  }
  const auto pack = [&]() -> Result<std::shared_ptr<const PackedLayers>> {
    std::shared_ptr<const StoredLayers> stored;
    if (load) {
      NARROW_ASSIGN(stored, load());
    }
    return PackedLayers::pack(graph, target, model.weight_pages.get(), limits.memory_bytes - placement.bytes, allocator,
                              std::move(stored));
  };
  NARROW_ASSIGN(plan.layers, model.shared_layers.get(target_number(target), allocator, static_cast<bool>(load), pack));
  plan.integer_input = integer_input(graph, groups, placement.locations);
  const Compiler compiler(graph, *plan.layers, placement.locations);
  for (const StepGroup& group : groups) {
    NARROW_ASSIGN(std::unique_ptr<Step> step, compiler.compile_group(group));
    plan.workspace_bytes = std::max(plan.workspace_bytes, step->workspace_bytes());
    plan.steps.push_back(std::move(step));
  }
  if (std::holds_alternative<InInput>(placement.locations[graph.output])) {
    plan.steps.push_back(make_copy_step(graph.value(graph.output).shape.elems(), InInput{}, InScores{}));
  }
  NARROW_ASSIGN(plan.workspace_bytes, align_arena(plan.workspace_bytes));
  return plan;
}

}  // namespace narrow::engine
