// Makes a graph of an ONNX model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/read/model.h"
#include "narrow/result.h"

namespace narrow::onnx {

struct LowerOptions {
  // Height and width, where the file leaves them open. 0: an open size is an error.
  int input_size = 0;
  // Whether the first dimension of the input is the batch, which becomes 1. If not, the input is the tensor of one
  // image.
  bool batched = true;
  // What computed constants and parameters may cost grows with the elements of the file's own constants; this adds to
  // them. For files that leave even their weights to compute.
  std::int64_t more_elements = 0;
};

struct Lowered {
  // Passes validate(). A BatchNorm is a node of its own; a pre-quantized network keeps its quantization.
  graph::Graph graph;
  std::vector<std::string> log;  // notes for the user: folded constants, a batch that was set to 1, ...
};

// Errors: kUnsupported (an unknown operator, with its node and the list of operators; an attribute or shape that is not
// supported), kMalformed (shapes that do not fit, missing inputs), kInvalidArgument (an open input size).
[[nodiscard]] Result<Lowered> lower_model(const Model& model, const LowerOptions& options = {});

// One row of `narrow operators`.
struct SupportedOperator {
  std::string_view name;    // "Conv", "com.microsoft.QLinearAdd"
  std::string_view how;     // "integer", "table", "float", "folded", "moves data", ...
  std::string_view limits;  // what is not supported; may be empty
};
[[nodiscard]] std::vector<SupportedOperator> supported_operators();

}  // namespace narrow::onnx
