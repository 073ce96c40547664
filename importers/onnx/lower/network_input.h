// The network's input: its dimensions in the file, and the image [height, width, channels] that they stand for.
#pragma once

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Makes the graph's input from the one input that the scores depend on. Precondition: constants have been folded.
// Errors: no input or several inputs, dimensions that are open or too large, element types that are not supported, an
// input shape that does not fit.
[[nodiscard]] Status lower_network_input(Lowering& lowering);

}  // namespace narrow::onnx
