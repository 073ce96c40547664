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
  // Of the input, in pixels, where the file leaves them open. 0: an open size is an error.
  int input_height = 0;
  int input_width = 0;
  // The input is an image and the output holds one score per class: vectors are understood as images, and outputs of
  // another shape are refused. Otherwise both are tensors as they are.
  bool classifier = false;
  std::vector<int> input_shape;  // OnnxOptions::input_shape; only for a classifier
  std::string output;            // OnnxOptions::output
  // Whether the first dimension of the input is the batch, which becomes 1. If not, the input is the tensor of one
  // image.
  bool batched = true;
  // What computed constants and parameters may cost grows with the elements of the file's own constants; this adds to
  // them. For files that leave even their weights to compute.
  std::int64_t more_elements = 0;
};

// The numbers that a network takes for the pixels of an image, as its first operators say.
enum class PixelRange : std::uint8_t {
  kNotSpecified,
  kBytes,        // 0..255
  kSignedBytes,  // -128..127
  kUnit,         // 0..1
};

struct Lowered {
  // Passes validate(). A BatchNorm is a node of its own; a pre-quantized network keeps its quantization.
  graph::Graph graph;
  std::vector<std::string> log;    // folded constants, a batch that was set to 1, ...
  std::vector<std::string> notes;  // what the file leaves to be understood, and how it was
  PixelRange pixel_range = PixelRange::kNotSpecified;
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
