// Arithmetic on quantization parameters that several folders need.
#pragma once

#include "narrow/types.h"

namespace narrow::graph {

// The part of the quantization's range that the clamp leaves. Bounds are quantized like elements by the Quantize
// operator: single precision, half to even, then saturation to the range. An infinite bound saturates too.
[[nodiscard]] QRange clamped_range(const Quantization& quantization, const Clamp& clamp);

}  // namespace narrow::graph
