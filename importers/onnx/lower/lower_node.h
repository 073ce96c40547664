// One node of a model.
#pragma once

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Appends what a node computes and binds its outputs. Its inputs are bound, and not all of them are constants that can
// be folded. Errors: the operator or its arguments are not supported, or do not fit.
[[nodiscard]] Status lower_node(Lowering& lowering, const Node& node);

}  // namespace narrow::onnx
