#include "engine/step_groups.h"

#include <algorithm>

namespace narrow::engine {
namespace {

template <class... Ops>
bool is_any_of(const graph::Op& op) {
  return (std::holds_alternative<Ops>(op) || ...);
}

bool is_pointwise(const graph::Graph& graph, const graph::Node& node) {
  if (!graph.value(node.output).quantization) return false;
  return is_any_of<graph::Add, graph::Subtract, graph::Multiply, graph::Activation, graph::Function>(node.op);
}

// Nothing is repeated, and all elements are bytes.
bool is_dense(const graph::Graph& graph, const graph::Node& node) {
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
    return graph.value(id).shape == graph.value(node.output).shape && graph.value(id).quantization.has_value();
  });
}

}  // namespace

bool can_overwrite_input(const graph::Graph& graph, const graph::Node& node, std::size_t index) {
  const graph::Value& input = graph.value(node.inputs[index]);
  return is_pointwise(graph, node) && input.quantization.has_value() && input.shape == graph.value(node.output).shape;
}

std::vector<StepGroup> group_steps(const graph::Graph& graph) {
  const std::vector<std::vector<int>> readers = graph::consumers(graph);
  const std::vector<int> writers = graph::producers(graph);
  std::vector<StepGroup> groups;
  std::vector<int> group_of(graph.nodes.size(), -1);

  // The group that `node` can continue: of those that end with one of its inputs, the last, which then waits least.
  const auto group_before = [&](const graph::Node& node) {
    int found = -1;
    int last = -1;
    if (!is_pointwise(graph, node) || !is_dense(graph, node)) return found;
    for (const graph::ValueId id : node.inputs) {
      const int writer = writers[static_cast<std::size_t>(id)];
      const bool only_reader = readers[static_cast<std::size_t>(id)].size() == 1 && id != graph.output;
      if (writer <= last || !only_reader) continue;
      const int group = group_of[static_cast<std::size_t>(writer)];
      if (group < 0) continue;
      const int first = groups[static_cast<std::size_t>(group)].nodes.front();
      if (!is_any_of<graph::Convolution>(graph.nodes[static_cast<std::size_t>(first)].op)) continue;
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
      groups.emplace_back();
    }
    groups[static_cast<std::size_t>(group)].nodes.push_back(index);
    group_of[static_cast<std::size_t>(index)] = group;
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const StepGroup& a, const StepGroup& b) { return a.nodes.back() < b.nodes.back(); });
  return groups;
}

}  // namespace narrow::engine
