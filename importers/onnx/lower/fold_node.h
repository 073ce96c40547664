// Nodes whose inputs are all constants.
#pragma once

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Binds the node's outputs, if all its inputs are constants and it can be computed. False: it is left to the operator's
// handler. Quantized constants keep their codes across operators that only move or rename elements.
[[nodiscard]] Result<bool> fold(Lowering& lowering, const Node& node);

}  // namespace narrow::onnx
