#include "importers/onnx/lower/fold_node.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/try.h"
#include "importers/onnx/fold/evaluate.h"
#include "importers/onnx/lower/operator_table.h"
#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {
namespace {

bool is_one_of(const Node& node, std::initializer_list<std::string_view> ops) {
  return node.domain.empty() && std::find(ops.begin(), ops.end(), node.op_type) != ops.end();
}

// The dimension of `after` that equals dimension `axis` of `before`, if the row-major elements are the same. Nothing:
// there is none.
std::optional<int> same_axis(const std::vector<std::int64_t>& before, int axis,
                             const std::vector<std::int64_t>& after) {
  const auto at = static_cast<std::size_t>(axis);
  std::int64_t outer = 1;
  for (std::size_t i = 0; i < at; ++i) outer *= before[i];
  std::int64_t passed = 1;
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (passed == outer && after[i] == before[at]) return static_cast<int>(i);
    passed *= after[i];
  }
  return std::nullopt;
}

// The weight integers of the result of a node that moves or renames the elements of a quantized constant. nullptr:
// there are none.
Result<const QuantizedConstant*> moved_integers(Lowering& lowering, const Node& node, const QuantizedConstant& from,
                                                std::vector<const Tensor*> inputs) {
  const QuantizedConstant* nothing = nullptr;
  if (!is_one_of(node, {"Transpose", "Reshape", "Identity", "Flatten", "Squeeze", "Unsqueeze", "Dropout"})) {
    return nothing;
  }
  inputs[0] = from.integers;
  NARROW_ASSIGN(std::vector<Tensor> outputs, evaluate(node, inputs, lowering.model.opset(), &lowering.budget));
  if (outputs.empty()) return nothing;
  QuantizedConstant result = from;
  if (from.scales.size() != 1 && node.op_type == "Transpose") {
    const int rank = static_cast<int>(from.integers->dims.size());
    NARROW_ASSIGN(const auto order, node.find_ints("perm"));
    result.axis = rank - 1 - from.axis;
    if (order) {
      result.axis =
          static_cast<int>(std::find_if(order->begin(), order->end(),
                                        [&](std::int64_t dim) { return (dim < 0 ? dim + rank : dim) == from.axis; }) -
                           order->begin());
    }
  } else if (from.scales.size() != 1) {
    const auto axis = same_axis(from.integers->dims, from.axis, outputs[0].dims);
    if (!axis) return nothing;
    result.axis = *axis;
  }
  result.integers = lowering.names.keep(std::move(outputs[0]));
  return lowering.names.keep(std::move(result));
}

}  // namespace

Result<bool> fold_node(Lowering& lowering, const Node& node) {
  std::vector<const Tensor*> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const Constant* constant = lowering.names.constant_or_null(node, i);
    if (constant == nullptr && Names::has_input(node, i)) return false;
    inputs.push_back(constant == nullptr ? nullptr : constant->tensor);
  }
  const OperatorRow* row = find_operator(node);
  if (row == nullptr) return false;
  NARROW_TRY(check_arity(*row, node));
  for (const Handler keeps_integers : {lower_dequantize, lower_quant, lower_bipolar_quant}) {
    if (row->handler != keeps_integers) continue;
    NARROW_TRY(keeps_integers(lowering, node));
    return true;
  }
  if (!can_evaluate(node)) return false;
  const Constant* first = lowering.names.constant_or_null(node, 0);
  const QuantizedConstant* quantized = nullptr;
  if (first != nullptr && first->quantized != nullptr) {
    NARROW_ASSIGN(quantized, moved_integers(lowering, node, *first->quantized, inputs));
  }
  NARROW_ASSIGN(std::vector<Tensor> outputs, evaluate(node, inputs, lowering.model.opset(), &lowering.budget));
  for (std::size_t i = 0; i < outputs.size() && i < node.outputs.size(); ++i) {
    lowering.names.bind(node, Constant{lowering.names.keep(std::move(outputs[i])), i == 0 ? quantized : nullptr}, i);
  }
  return true;
}

}  // namespace narrow::onnx
