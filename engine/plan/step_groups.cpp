#include "engine/plan/step_groups.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/order.h"
#include "engine/plan/step.h"
#include "graph/operators.h"

namespace narrow::engine {
namespace {

// Whether make_elementwise_step() makes the node's step.
bool is_elementwise(const graph::Graph& graph, const graph::Node& node) {
  return graph.value(node.output).quantization.has_value() && graph::row_of(node.op).has(graph::kElementwise);
}

// Whether no input is repeated and all elements are bytes.
bool is_dense(const graph::Graph& graph, const graph::Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
    return graph.value(id).shape == graph.value(node.output).shape && graph.value(id).quantization.has_value();
  });
}

// Larger tensors do not fit a small L2 cache, so they leave it before they are read again.
constexpr std::int64_t kLargeBytes = 256 * 1024;

const graph::Convolution* integer_convolution(const graph::Node& node) {
  const graph::Filter* const filter = graph::filter_of(node);
  return filter != nullptr && filter->quantized ? std::get_if<graph::Convolution>(&node.op) : nullptr;
}

bool is_pointwise(const graph::Window& window) {
  return window.kernel_h == 1 && window.kernel_w == 1 && window.stride_h == 1 && window.stride_w == 1 &&
         window.pad == Padding{};
}

// Whether `next`, the only reader of the output of `last`, can follow it in row tiles. One of the two must be
// depthwise, so that little is computed for each byte. Kernels of dense 3x3 windows are faster on many rows.
bool can_follow(const graph::Graph& graph, const graph::Node& last, const graph::Node& next) {
  const graph::Value& between = graph.value(last.output);
  const graph::Convolution* const writer = integer_convolution(last);
  const graph::Convolution* const reader = integer_convolution(next);
  if (writer == nullptr || reader == nullptr || between.shape.elems() < kLargeBytes) return false;
  const auto is_depthwise = [](const graph::Convolution& op, const TensorShape& in) {
    return op.groups > 1 && op.groups == in.channels;
  };
  if (is_depthwise(*writer, graph.value(last.inputs[0]).shape)) return is_pointwise(reader->window);
  return is_depthwise(*reader, between.shape) && (is_pointwise(writer->window) || writer->window.stride_h > 1);
}

bool is_kept(std::span<const graph::ValueId> kept, graph::ValueId id) {
  return std::find(kept.begin(), kept.end(), id) != kept.end();
}

// Appends a group to an earlier one, as a further stage, if its first node can follow the only node of that group's
// last stage.
std::vector<StepGroup> join_stages(const graph::Graph& graph, std::vector<StepGroup> groups,
                                   std::span<const graph::ValueId> kept) {
  const graph::ValueMap<std::vector<int>> readers = graph::consumers(graph);
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  graph::ValueMap<std::size_t> writer(graph.values.size(), kNone);  // the group that ends with each value
  std::vector<StepGroup> joined;                                    // without stages: it is part of a later one
  const auto can_join = [&](const StepGroup& candidate, const graph::Node& first) {
    const graph::Node& last = graph.nodes[static_cast<std::size_t>(candidate.last())];
    return last.output != graph.output && !is_kept(kept, last.output) && readers[last.output].size() == 1 &&
           candidate.stages.size() <= kMostStageTensors && candidate.stages.back().size() == 1 &&
           can_follow(graph, last, first);
  };
  for (StepGroup& group : groups) {
    const graph::Node& first = graph.nodes[static_cast<std::size_t>(group.first())];
    const std::size_t before = first.inputs.empty() ? kNone : writer[first.inputs[0]];
    if (before != kNone && can_join(joined[before], first)) {
      StepGroup whole = std::move(joined[before]);
      joined[before].stages.clear();
      whole.stages.push_back(std::move(group.stages.front()));  // it has no other yet
      group = std::move(whole);
    }
    writer[graph.nodes[static_cast<std::size_t>(group.last())].output] = joined.size();
    joined.push_back(std::move(group));
  }
  std::erase_if(joined, [](const StepGroup& group) { return group.stages.empty(); });
  return joined;
}

}  // namespace

std::vector<int> StepGroup::nodes() const {
  std::vector<int> all;
  for (const std::vector<int>& stage : stages) all.insert(all.end(), stage.begin(), stage.end());
  return all;
}

bool can_overwrite_input(const graph::Graph& graph, const graph::Node& node, std::size_t index) {
  const graph::Value& input = graph.value(node.inputs[index]);
  return is_elementwise(graph, node) && input.quantization.has_value() && input.shape == graph.value(node.output).shape;
}

std::vector<StepGroup> group_steps(const graph::Graph& graph, std::span<const graph::ValueId> kept) {
  const graph::ValueMap<std::vector<int>> readers = graph::consumers(graph);
  const graph::ValueMap<int> writers = graph::producers(graph);
  std::vector<StepGroup> groups;
  std::vector<int> group_of(graph.nodes.size(), -1);

  // The group that `node` can continue, or -1. Among the groups that end with one of its inputs it is the last, whose
  // rows then wait least.
  const auto group_before = [&](const graph::Node& node) {
    int found = -1;
    int last = -1;
    // One kernel computes a convolution and the sum that alone reads its float32 results.
    if (const std::optional<std::size_t> summed = graph::summed_input(graph, node)) {
      return group_of[static_cast<std::size_t>(writers[node.inputs[*summed]])];
    }
    if (!is_elementwise(graph, node) || !is_dense(graph, node)) return found;
    for (const graph::ValueId id : node.inputs) {
      const int writer = writers[id];
      const bool only_reader = readers[id].size() == 1 && id != graph.output && !is_kept(kept, id);
      if (writer <= last || !only_reader) continue;
      const int group = group_of[static_cast<std::size_t>(writer)];
      if (group < 0) continue;
      const int first = groups[static_cast<std::size_t>(group)].first();
      if (!graph::is<graph::Convolution>(graph.nodes[static_cast<std::size_t>(first)].op)) continue;
      found = group;
      last = writer;
    }
    return found;
  };
  for (int index = 0; index < static_cast<int>(graph.nodes.size()); ++index) {
    const graph::Node& node = graph.nodes[static_cast<std::size_t>(index)];
    if (graph::moves_no_byte(node.op)) continue;
    int group = group_before(node);
    if (group < 0) {
      group = static_cast<int>(groups.size());
      groups.push_back({.stages = {{}}});
    }
    groups[static_cast<std::size_t>(group)].stages.front().push_back(index);
    group_of[static_cast<std::size_t>(index)] = group;
  }
  std::vector<std::int64_t> last;
  last.reserve(groups.size());
  for (const StepGroup& group : groups) last.push_back(group.last());
  std::vector<StepGroup> sorted;
  sorted.reserve(groups.size());
  for (const std::size_t group : base::order_of(last)) sorted.push_back(std::move(groups[group]));
  return join_stages(graph, std::move(sorted), kept);
}

}  // namespace narrow::engine
