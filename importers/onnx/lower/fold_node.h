// Computes nodes whose inputs are all constants.
#pragma once

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Binds the node's outputs if all its inputs are constants and it can be computed. Returns false if the operator's
// handler has to lower it. Quantized constants keep their integers across operators that only move or rename elements.
[[nodiscard]] Result<bool> fold_node(Lowering& lowering, const Node& node);

}  // namespace narrow::onnx
