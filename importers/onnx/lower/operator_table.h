// All operators that the lowering supports. Lowering and `narrow operators` use this table.
#pragma once

#include <span>
#include <string_view>

#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {

struct OperatorRow {
  std::string_view name;  // with the domain, if it is not ONNX's own: "com.microsoft.QLinearAdd"
  Handler handler;        // nullptr: supported only if all inputs are constants
  std::string_view how;   // as in SupportedOperator
  std::string_view limits;
};

[[nodiscard]] std::span<const OperatorRow> operator_table();

// nullptr: the operator is not in the table.
[[nodiscard]] const OperatorRow* find_operator(const Node& node);

}  // namespace narrow::onnx
