#include "importers/onnx/lower/node_parts.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace narrow::onnx {

namespace {

// Numbers of axes, pads and the like. A part may be looked at once for each node that reads it, so what is longer would
// cost the product of both.
constexpr std::size_t kMostNumbers = 64;

bool has_short_attributes(const Node& node) {
  const auto is_short = [](const Attribute& attribute) {
    const auto* text = std::get_if<std::string>(&attribute.value);
    const auto* numbers = std::get_if<std::vector<std::int64_t>>(&attribute.value);
    return (text == nullptr || text->size() <= kMostNumbers) && (numbers == nullptr || numbers->size() <= kMostNumbers);
  };
  return node.attributes.size() <= kMostNumbers &&
         std::all_of(node.attributes.begin(), node.attributes.end(), is_short);
}

}  // namespace

NodeParts::NodeParts(const Lowering& lowering) : lowering_(lowering) {
  const std::vector<Node>& nodes = lowering.model.nodes;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const std::string& name : nodes[i].outputs) makers_.emplace(name, i);
    for (const std::vector<std::string>* names : {&nodes[i].inputs, &nodes[i].captures}) {
      for (const std::string& name : *names) {
        std::vector<std::size_t>& readers = readers_[name];
        if (readers.empty() || readers.back() != i) readers.push_back(i);
      }
    }
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
  if (!is(node, op_type) || node.inputs.empty() || !has_short_attributes(node)) return nullptr;
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

std::optional<std::vector<std::int64_t>> NodeParts::numbers(const Node& node, const char* attribute,
                                                            std::size_t i) const {
  const Constant* constant = lowering_.names.constant_or_null(node, i);
  if (constant != nullptr && constant->tensor->elems() > static_cast<std::int64_t>(kMostNumbers)) return std::nullopt;
  auto found = lowering_.names.ints_of(node, attribute, i);
  return found.ok() ? *std::move(found) : std::nullopt;
}

std::optional<std::vector<std::int64_t>> NodeParts::kept_axes(const Node& reduction) const {
  const auto keeps = reduction.find_int("keepdims");
  auto axes = numbers(reduction, "axes", 1);
  if (!keeps.ok() || keeps->value_or(1) != 1 || !axes || axes->empty()) return std::nullopt;
  return axes;
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
