// From an ONNX model to a graph.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

struct LowerOptions {
  // Height and width where the file leaves them open; 0: an error that asks for them.
  int input_size = 0;
  // The first dimension of the input is the batch (and treated as 1). Off: the input is one picture's tensor as it is.
  bool batched = true;
};

struct Lowered {
  // Passes validate(). BatchNorm and others are nodes of their own; a pre-quantized network keeps its quantization.
  graph::Graph graph;
  std::vector<std::string> log;  // what a user should know: constants folded, the batch that was set to 1, ...
};

// Errors: kUnsupported (an operator that is not known, with its node and the list of operators; an attribute or shape
// that is not supported), kMalformed (shapes that do not fit, missing inputs), kInvalidArgument (an open input size).
[[nodiscard]] Result<Lowered> lower_model(const Model& model, const LowerOptions& options = {});

// One row of `narrow operators`.
struct SupportedOperator {
  std::string_view name;    // "Conv", "com.microsoft.QLinearAdd"
  std::string_view how;     // "integer", "table", "float", "folded", "moves data", ...
  std::string_view limits;  // what is not supported of it; may be empty
};
[[nodiscard]] std::vector<SupportedOperator> supported_operators();

}  // namespace narrow::onnx
