// Nonlinear operators in float, on one image in [height, width, channels] order. Formulas: docs/numerics.md, "Layers
// left in float". The results equal the engine's bit for bit.
#pragma once

#include <cstdint>

#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::graph {

// evaluate_function() of each element, rounded once to float.
void apply_function(const float* input, float* output, const TensorShape& shape, const Function& function);

// Over the channels of each pixel; computed in double, rounded once to float.
void softmax(const float* input, float* output, const TensorShape& shape);
void log_softmax(const float* input, float* output, const TensorShape& shape);

// Across channels; computed in double, rounded once to float.
void lrn(const float* input, float* output, const TensorShape& shape, const Lrn& op);

// Over the channels of each pixel; computed in double, rounded once to float.
void layer_norm(const float* input, float* output, const TensorShape& shape, const LayerNorm& op);

// The real numbers that the operator Quantize makes of the elements:
// scale * (clamp(round(x / scale) + zero_point) - zero_point), halves to even. NaN becomes the lower end of the range.
// output may be input.
void fake_quantize(const float* input, float* output, std::int64_t count, const Quantization& quantization);

}  // namespace narrow::graph
