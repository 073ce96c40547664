// From a graph to the bytes of an ONNX file.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::exporters {

// graph: float, integer or mixed; passes validate(). name: of the ONNX graph. See narrow/export.h for the form.
// Errors: kLimit (more than protobuf can hold), kUnsupported (BatchNorm: simplify first).
[[nodiscard]] Result<std::vector<std::byte>> export_graph(const graph::Graph& graph, const std::string& name);

}  // namespace narrow::exporters
