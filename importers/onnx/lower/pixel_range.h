// What the graph's first operators say about the range of the pixels.
#pragma once

#include <optional>
#include <string>

#include "importers/onnx/lower/lowering.h"
#include "importers/onnx/lower/quantization.h"

namespace narrow::onnx {

struct PixelEvidence {
  PixelRange range = PixelRange::kNotSpecified;
  std::string note;  // empty: nothing is said
};

// Looks at the type of the input, and at the first operators that do more than move the pixels:
//   integers without a scale are the bytes themselves;
//   integers with a scale, a QuantizeLinear and a Clip state a range, which counts if it is 0..255 or 0..1;
//   a division by about 255, or a mean of bytes that is subtracted, normalises bytes;
//   a mean and a standard deviation of pixels in 0..1 normalise those.
// A normalisation is made of Div, Mul, Sub and Add, or is a BatchNormalization, or a 1x1 convolution in which each of
// three colours is scaled alone. integers: what the integers of the input mean; nothing for real numbers, and for
// integers without a scale. Says nothing of inputs that are no images. Precondition: constants are bound.
[[nodiscard]] PixelEvidence evidence_of_pixels(const Lowering& lowering, const Port& input,
                                               const std::optional<Parameters>& integers);

}  // namespace narrow::onnx
