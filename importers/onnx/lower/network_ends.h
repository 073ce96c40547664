// The network's input and its scores: conversions between the file's dimensions and [height, width, channels].
#pragma once

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Makes the graph's input from the one input that the scores depend on. Precondition: constants have been folded.
// Errors: no input or several inputs, dimensions that are open or too large, element types that are not supported.
[[nodiscard]] Status lower_network_input(Lowering& lowering);

// Makes the graph's output from the first output.
[[nodiscard]] Status lower_network_output(Lowering& lowering);

}  // namespace narrow::onnx
