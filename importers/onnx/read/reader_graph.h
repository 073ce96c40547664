// The order of nodes, and that every name means one thing.
#pragma once

#include <string>

#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

// Sorts model.nodes so that every input is computed before it is read; nodes that are in order stay where they are.
// Errors (kMalformed): names computed twice, read but never computed, cycles; outputs that nothing computes.
[[nodiscard]] Status sort_nodes(Model& model, const std::string& where);

}  // namespace narrow::onnx
