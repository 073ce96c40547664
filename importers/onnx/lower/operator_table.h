// All operators that the lowering supports. Lowering and `narrow operators` use this table.
#pragma once

#include <span>
#include <string_view>

#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {

struct OperatorRow {
  std::string_view name;  // with the domain, if it is not ONNX's own: "com.microsoft.QLinearAdd"
  Handler handler;        // nullptr: supported only if all inputs are constants
  // One letter for each input, in any operator set: x is required, o is optional, and a * at the end means any number
  // of further inputs of the last kind.
  std::string_view inputs;
  int outputs;           // the most that a node may have
  std::string_view how;  // as in SupportedOperator
  std::string_view limits;
};

[[nodiscard]] std::span<const OperatorRow> operator_table();

// nullptr: the operator is not in the table.
[[nodiscard]] const OperatorRow* find_operator(const Node& node);

// Error (kMalformed): the node does not have the inputs and outputs of its operator. This comes before the code of any
// operator runs, on constants too.
[[nodiscard]] Status check_arity(const OperatorRow& row, const Node& node);

}  // namespace narrow::onnx
