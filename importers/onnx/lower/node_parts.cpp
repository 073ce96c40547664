#include "importers/onnx/lower/node_parts.h"

#include <algorithm>

namespace narrow::onnx {

NodeParts::NodeParts(const Lowering& lowering) : lowering_(lowering) {
  const std::vector<Node>& nodes = lowering.model.nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : nodes[i].outputs) makers_.emplace(name, i);
    for (const std::string& name : nodes[i].inputs) readers_[name].push_back(i);
    for (const std::string& name : nodes[i].captures) readers_[name].push_back(i);
  }
  for (const Port& port : lowering.model.outputs) outputs_.insert(port.name);
  outputs_.insert(lowering.scores.tensor);
}

bool NodeParts::is(const Node& node, std::string_view op_type) {
  return node.op_type == op_type && (node.domain.empty() || node.domain == "ai.onnx");
}

const Node* NodeParts::made_by(const std::string& name, std::string_view op_type) {
  const auto maker = makers_.find(name);
  if (name.empty() || maker == makers_.end()) return nullptr;
  const Node& node = lowering_.model.nodes[maker->second];
  if (!is(node, op_type) || node.inputs.empty()) return nullptr;
  if (std::find(others_.begin(), others_.end(), maker->second) == others_.end()) others_.push_back(maker->second);
  return &node;
}

std::optional<float> NodeParts::number(const Node& node, std::size_t i) const {
  const Constant* constant = lowering_.names.constant_or_null(node, i);
  if (constant == nullptr || constant->tensor->type == ElementType::kOther || constant->tensor->elems() != 1) {
    return std::nullopt;
  }
  return constant->tensor->to_floats()[0];
}

std::optional<std::vector<std::int64_t>> NodeParts::kept_axes(const Node& reduction) const {
  const auto keeps = reduction.find_int("keepdims");
  const auto axes = lowering_.names.ints_of(reduction, "axes", 1);
  if (!keeps.ok() || keeps->value_or(1) != 1 || !axes.ok() || !axes->has_value() || (*axes)->empty()) {
    return std::nullopt;
  }
  return **axes;
}

bool NodeParts::no_other_node_reads(const std::vector<std::size_t>& parts, std::size_t last) const {
  const auto is_part = [&](std::size_t i) {
    return i == last || std::find(parts.begin(), parts.end(), i) != parts.end();
  };
  return std::all_of(parts.begin(), parts.end(), [&](std::size_t i) {
    const std::vector<std::string>& names = lowering_.model.nodes[i].outputs;
    return std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      const auto readers = readers_.find(name);
      if (outputs_.count(name) != 0) return false;
      return readers == readers_.end() || std::all_of(readers->second.begin(), readers->second.end(), is_part);
    });
  });
}

}  // namespace narrow::onnx
