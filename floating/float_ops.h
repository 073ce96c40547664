// Clamps, arithmetic of two tensors and pooling, in float, on one image in [height, width, channels] order.
#pragma once

#include <cstdint>

#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::graph {

// output = clamp(input). output may be input.
void clamp_values(const float* input, float* output, std::int64_t count, const Clamp& clamp);

enum class Binary { kAdd, kSubtract, kMultiply, kMaximum, kMinimum };

// output = clamp(a op b). A dimension that is 1 in one input is repeated.
void combine(Binary op, const float* a, const TensorShape& a_shape, const float* b, const TensorShape& b_shape,
             float* output, const TensorShape& out, const Clamp& clamp);

// Padding never is the maximum.
void max_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Window& window);

// Sums in ascending order of rows and columns. The divisor is the number of the window's pixels inside the image or,
// with count_include_pad, inside the padded image.
void average_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out,
                  const Window& window, bool count_include_pad);

}  // namespace narrow::graph
