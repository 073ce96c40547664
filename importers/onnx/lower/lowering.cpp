#include "importers/onnx/lower/lowering.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "importers/onnx/lower/permutation.h"

namespace narrow::onnx {
namespace {

using base::in_quotes;

std::string input_text(const Node& node, std::size_t i) {
  return "input " + std::to_string(i) + (i < node.inputs.size() ? " (" + in_quotes(node.inputs[i]) + ")" : "");
}

std::int64_t product(const std::vector<Atom>& atoms) { return size_of(atoms); }

}  // namespace

Error node_error(const Node& node, ErrorCode code, const std::string& message) {
  return Error{code, node.describe() + ": " + message, printable_name(node.name)};
}
Error unsupported(const Node& node, const std::string& message) {
  return node_error(node, ErrorCode::kUnsupported, message);
}
Error malformed(const Node& node, const std::string& message) {
  return node_error(node, ErrorCode::kMalformed, message);
}

std::string dims_text(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(dims[i]);
  return text + "]";
}

std::string printable_name(std::string_view name) {
  constexpr std::size_t kMostBytes = 1000;  // leaves room for suffixes
  const bool plain = !name.empty() && name.size() <= kMostBytes &&
                     std::all_of(name.begin(), name.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (plain) return std::string(name);
  std::string result;
  for (const char c : name.substr(0, kMostBytes)) result += c >= 0x20 && c < 0x7F ? c : '_';
  return result.empty() ? "unnamed" : result;
}

void Lowering::bind(const std::string& name, Item item) {
  if (!name.empty()) items_.insert_or_assign(name, std::move(item));
}

void Lowering::bind(const Node& node, Item item, std::size_t output) {
  if (output < node.outputs.size()) bind(node.outputs[output], std::move(item));
}

const Item* Lowering::find(const std::string& name) const {
  const auto found = items_.find(name);
  return found == items_.end() ? nullptr : &found->second;
}

bool Lowering::has_input(const Node& node, std::size_t i) { return i < node.inputs.size() && !node.inputs[i].empty(); }

const Constant* Lowering::constant_or_null(const Node& node, std::size_t i) const {
  if (!has_input(node, i)) return nullptr;
  const Item* item = find(node.inputs[i]);
  return item == nullptr ? nullptr : std::get_if<Constant>(item);
}

Result<Constant> Lowering::constant(const Node& node, std::size_t i) const {
  if (!has_input(node, i)) return malformed(node, input_text(node, i) + " is missing");
  const Constant* found = constant_or_null(node, i);
  if (found == nullptr) return unsupported(node, input_text(node, i) + " must be a constant");
  if (found->tensor->type == ElementType::kOther) {
    return unsupported(node, input_text(node, i) + " has an element type that is not supported");
  }
  return *found;
}

Result<Flow> Lowering::flow(const Node& node, std::size_t i) const {
  if (!has_input(node, i)) return malformed(node, input_text(node, i) + " is missing");
  const Item* item = find(node.inputs[i]);
  if (item == nullptr) return malformed(node, input_text(node, i) + " is not computed by any node");
  if (const auto* found = std::get_if<Flow>(item)) return *found;
  return unsupported(node, input_text(node, i) + " is a constant, where a computed tensor is supported only");
}

Result<View> Lowering::real(const Node& node, std::size_t i) const {
  NARROW_ASSIGN(Flow found, flow(node, i));
  if (found.integers) {
    return unsupported(node, input_text(node, i) +
                                 " holds the integers of a quantized tensor; arithmetic on them is "
                                 "not supported without a DequantizeLinear before it");
  }
  return std::move(found.view);
}

Result<std::vector<float>> Lowering::floats(const Node& node, std::size_t i) const {
  NARROW_ASSIGN(const Constant found, constant(node, i));
  return found.tensor->to_floats();
}

Result<std::vector<std::int64_t>> Lowering::ints(const Node& node, std::size_t i) const {
  NARROW_ASSIGN(const Constant found, constant(node, i));
  if (found.tensor->is_float()) return malformed(node, input_text(node, i) + " must hold integers");
  return found.tensor->to_ints();
}

Result<std::optional<std::vector<std::int64_t>>> Lowering::ints_of(const Node& node, std::string_view attribute,
                                                                   std::size_t i) const {
  NARROW_ASSIGN(auto given, node.find_ints(attribute));
  if (given || !has_input(node, i)) return given;
  NARROW_ASSIGN(auto values, ints(node, i));
  return std::optional(std::move(values));
}

void Lowering::note(const std::string& line) {
  const auto known = std::find_if(notes_.begin(), notes_.end(), [&](const auto& note) { return note.first == line; });
  if (known == notes_.end()) {
    notes_.emplace_back(line, 1);
  } else {
    ++known->second;
  }
}

std::vector<std::string> Lowering::take_log() {
  for (const auto& [line, count] : notes_) {
    log_.push_back(std::to_string(count) + (count == 1 ? " layer " : " layers ") + line);
  }
  return std::move(log_);
}

const Tensor* Lowering::keep(Tensor tensor) { return &tensors_.emplace_back(std::move(tensor)); }
const QuantizedConstant* Lowering::keep(QuantizedConstant constant) {
  return &quantized_.emplace_back(std::move(constant));
}

Result<graph::ValueId> Lowering::emit(const Node& node, graph::Op op, std::vector<graph::ValueId> inputs, Clamp clamp,
                                      std::string_view suffix) {
  const bool lossless = graph::is_lossless(op);
  const graph::ValueId first = inputs.empty() ? graph::kNoValue : inputs[0];
  auto added =
      graph_.add_node(printable_name(node.name) + std::string(suffix), std::move(op), std::move(inputs), clamp);
  if (!added.ok()) return node_error(node, added.error().code, added.error().message);
  producers_[*added] = graph_.nodes.size() - 1;
  if (lossless) graph_.value(*added).quantization = graph_.value(first).quantization;
  return added;
}

Result<View> Lowering::shaped(const Node& node, const View& view, const TensorShape& shape) {
  if (this->shape(view) == shape) return view;
  NARROW_ASSIGN(const graph::ValueId id, emit(node, graph::Reshape{shape}, {view.value}, {}, "/reshape"));
  return view.of(id);
}

Result<View> Lowering::arranged(const Node& node, const View& view, const Axes& axes) {
  return arranged_atoms(node, view, {atoms_of(view, axes[0]), atoms_of(view, axes[1]), atoms_of(view, axes[2])});
}

Result<View> Lowering::arranged_atoms(const Node& node, const View& view, const AxesOfAtoms& axes) {
  std::vector<Atom> wanted;
  for (const auto& axis : axes) wanted.insert(wanted.end(), axis.begin(), axis.end());
  if (product(wanted) != view.elems()) {
    return node_error(node, ErrorCode::kInternal, "an arrangement that leaves out elements was asked for");
  }

  // Blocks: runs of atoms that are neighbours in both orders.
  std::vector<Atom> blocks;
  for (const Atom& atom : wanted) {
    if (!blocks.empty() && blocks.back().stride == atom.size * atom.stride) {
      blocks.back() = {blocks.back().size * atom.size, atom.stride};
    } else {
      blocks.push_back(atom);
    }
  }
  const std::vector<Atom> present = in_value_order(blocks);
  std::vector<std::int64_t> sizes;
  sizes.reserve(present.size());
  for (const Atom& block : present) sizes.push_back(block.size);
  std::vector<int> target;
  target.reserve(blocks.size());
  for (const Atom& block : blocks) {
    target.push_back(static_cast<int>(std::find(present.begin(), present.end(), block) - present.begin()));
  }

  View at = view;
  for (const PermutationStep& step : plan_permutation(sizes, target)) {
    NARROW_ASSIGN(const View three, shaped(node, at, step.shape));
    NARROW_ASSIGN(at.value, emit(node, graph::Transpose{step.order}, {three.value}, {}, "/transpose"));
  }
  NARROW_ASSIGN(at, shaped(node, at, {product(axes[0]), product(axes[1]), product(axes[2])}));

  // The atoms' steps in the new order.
  std::vector<std::int64_t> strides(wanted.size());
  std::int64_t stride = 1;
  for (std::size_t i = wanted.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= wanted[i].size;
  }
  for (Dimension& dim : at.dims) {
    for (Atom& atom : dim) {
      atom.stride = strides[static_cast<std::size_t>(std::find(wanted.begin(), wanted.end(), atom) - wanted.begin())];
    }
  }
  return at;
}

Result<View> Lowering::dequantized(const Node& node, const Flow& flow) {
  if (!flow.integers) return flow.view;
  const auto known = dequantized_.find(flow.view.value);
  if (known != dequantized_.end()) return flow.view.of(known->second);
  NARROW_ASSIGN(const graph::ValueId id, emit(node, graph::Dequantize{}, {flow.view.value}));
  dequantized_[flow.view.value] = id;
  return flow.view.of(id);
}

const graph::Node* Lowering::producer(graph::ValueId id) const {
  const auto found = producers_.find(id);
  return found == producers_.end() ? nullptr : &graph_.nodes[found->second];
}

}  // namespace narrow::onnx
