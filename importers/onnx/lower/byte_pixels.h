// Networks that take pixels as 0..255 and normalise them themselves.
#pragma once

#include <string>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Whether the first operator that computes with the input makes pixels of 0..255 small: dividing them by about 255 or
// subtracting a mean of bytes, as a Div, Mul, Sub or Add, as a BatchNormalization, or as a 1x1 convolution in which
// each of three channels is scaled alone. input: its name. Precondition: constants are bound.
[[nodiscard]] bool normalises_bytes(const Lowering& lowering, const std::string& input);

}  // namespace narrow::onnx
