// Every operator that the lowering knows: what dispatches and what `narrow operators` lists.
#pragma once

#include <span>
#include <string_view>

#include "importers/onnx/lower/operators.h"

namespace narrow::onnx {

struct OperatorRow {
  std::string_view name;  // with the domain, if it is not ONNX's own: "com.microsoft.QLinearAdd"
  Handler handler;        // nullptr: only where all inputs are constants
  std::string_view how;   // as SupportedOperator
  std::string_view limits;
};

[[nodiscard]] std::span<const OperatorRow> operator_table();

// nullptr: not in the table.
[[nodiscard]] const OperatorRow* find_operator(const Node& node);

}  // namespace narrow::onnx
