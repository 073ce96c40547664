#include "importers/onnx/lower/names.h"

#include <algorithm>
#include <utility>

#include "base/checked.h"
#include "base/text.h"
#include "base/try.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

std::string input_text(const Node& node, std::size_t i) {
  return "input " + std::to_string(i) + (i < node.inputs.size() ? " (" + in_quotes(node.inputs[i]) + ")" : "");
}

}  // namespace

Names::Names(const Model& model, const std::string& scores) {
  for (const auto& [name, tensor] : model.constants) bind(name, Constant{&tensor});
  // From the last node to the first, every reader of a name is seen before the node that computes it.
  live_.insert(scores);
  mark_live(model.nodes);
}

void Names::mark_live(const std::vector<Node>& nodes) {
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    if (!is_live(*node)) continue;
    for (const std::string& name : node->inputs) {
      if (!name.empty()) live_.insert(name);
    }
    live_.insert(node->captures.begin(), node->captures.end());
    for (const Attribute& attribute : node->attributes) {
      const auto* subgraph = std::get_if<std::shared_ptr<const Subgraph>>(&attribute.value);
      if (subgraph == nullptr) continue;
      live_.insert((*subgraph)->outputs.begin(), (*subgraph)->outputs.end());
      mark_live((*subgraph)->nodes);
    }
  }
}

void Names::bind(const std::string& name, Item item) {
  if (!name.empty()) items_.insert_or_assign(name, std::move(item));
}

void Names::bind(const Node& node, Item item, std::size_t output) {
  if (output < node.outputs.size()) bind(node.outputs[output], std::move(item));
}

const Item* Names::find(const std::string& name) const {
  const auto found = items_.find(name);
  return found == items_.end() ? nullptr : &found->second;
}

bool Names::is_live(const Node& node) const {
  return std::any_of(node.outputs.begin(), node.outputs.end(),
                     [&](const std::string& name) { return !name.empty() && is_live(name); });
}

bool Names::has_input(const Node& node, std::size_t i) { return i < node.inputs.size() && !node.inputs[i].empty(); }

const Constant* Names::constant_or_null(const Node& node, std::size_t i) const {
  if (!has_input(node, i)) return nullptr;
  const Item* item = find(node.inputs[i]);
  return item == nullptr ? nullptr : std::get_if<Constant>(item);
}

Result<Constant> Names::constant(const Node& node, std::size_t i) const {
  if (!has_input(node, i)) return malformed(node, input_text(node, i) + " is missing");
  const Constant* found = constant_or_null(node, i);
  if (found == nullptr) return unsupported(node, input_text(node, i) + " must be a constant", next_step::kSimplify);
  if (found->tensor->type == ElementType::kOther) {
    return unsupported(node, input_text(node, i) + " has an element type that is not supported",
                       "export the network in float32");
  }
  return *found;
}

Result<Flow> Names::flow(const Node& node, std::size_t i) const {
  if (!has_input(node, i)) return malformed(node, input_text(node, i) + " is missing");
  const Item* item = find(node.inputs[i]);
  if (item == nullptr) return malformed(node, input_text(node, i) + " is not computed by any node");
  if (const auto* found = std::get_if<Flow>(item)) return *found;
  return unsupported(node, input_text(node, i) + " is a constant, where a computed tensor is supported only",
                     next_step::kSimplify);
}

Result<View> Names::real(const Node& node, std::size_t i) const {
  NARROW_ASSIGN(Flow found, flow(node, i));
  if (found.integers) {
    return unsupported(node,
                       input_text(node, i) +
                           " holds the integers of a quantized tensor; arithmetic on them is "
                           "not supported without a DequantizeLinear before it",
                       next_step::kFloat);
  }
  return std::move(found.view);
}

Result<std::vector<float>> Names::floats(const Node& node, std::size_t i) const {
  NARROW_ASSIGN(const Constant found, constant(node, i));
  return found.tensor->to_floats();
}

Result<std::vector<std::int64_t>> Names::integers(const Node& node, std::size_t i) const {
  NARROW_ASSIGN(const Constant found, constant(node, i));
  if (found.tensor->is_float()) return malformed(node, input_text(node, i) + " must hold integers");
  constexpr std::int64_t kMost = std::int64_t{1} << 20;  // biases and indices are far fewer
  if (found.tensor->elems() > kMost) {
    return node_error(node, ErrorCode::kLimit,
                      input_text(node, i) + " holds more than " + std::to_string(kMost) + " integers");
  }
  return found.tensor->to_ints();
}

Result<std::vector<std::int64_t>> Names::ints(const Node& node, std::size_t i) const {
  NARROW_ASSIGN(auto values, integers(node, i));
  for (const std::int64_t value : values) {
    if (base::is_file_number(value)) continue;
    return node_error(node, ErrorCode::kLimit,
                      input_text(node, i) + " holds " + std::to_string(value) + ", which is beyond 2^31");
  }
  return values;
}

Result<std::optional<std::vector<std::int64_t>>> Names::ints_of(const Node& node, std::string_view attribute,
                                                                std::size_t i) const {
  NARROW_ASSIGN(auto given, node.find_ints(attribute));
  if (given || !has_input(node, i)) return given;
  NARROW_ASSIGN(auto values, ints(node, i));
  return std::optional(std::move(values));
}

Result<std::optional<std::vector<std::int64_t>>> Names::positions_of(const Node& node, std::string_view attribute,
                                                                     std::size_t i) const {
  NARROW_ASSIGN(auto given, node.find_positions(attribute));
  if (given || !has_input(node, i)) return given;
  NARROW_ASSIGN(auto values, integers(node, i));
  for (std::int64_t& value : values) value = std::clamp(value, -base::kMaxFileNumber, base::kMaxFileNumber);
  return std::optional(std::move(values));
}

const Tensor* Names::keep(Tensor tensor) { return &tensors_.emplace_back(std::move(tensor)); }
const QuantizedConstant* Names::keep(QuantizedConstant constant) {
  return &quantized_.emplace_back(std::move(constant));
}

}  // namespace narrow::onnx
