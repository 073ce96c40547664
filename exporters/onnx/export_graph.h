// Makes the bytes of an ONNX file from a graph.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/result.h"

namespace narrow::exporters {

// graph: float, integer or mixed; passes validate(). name: name of the ONNX graph. narrow/onnx.h describes the file.
// Errors: kLimit (more than an ONNX file can hold), kUnsupported (BatchNorm: simplify first).
[[nodiscard]] Result<std::vector<std::byte>> export_graph(const graph::Graph& graph, const std::string& name);

}  // namespace narrow::exporters
