// Clamps, arithmetic of two tensors and pooling, in float, on one picture in [height, width, channels] order.
#pragma once

#include <cstdint>

#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::graph {

// output = clamp(input); in place is allowed.
void clamp_values(const float* input, float* output, std::int64_t count, const Clamp& clamp);

enum class Binary { kAdd, kSubtract, kMultiply };

// output = clamp(a op b). A dimension that is 1 in one input is repeated.
void combine(Binary op, const float* a, const TensorShape& a_shape, const float* b, const TensorShape& b_shape,
             float* output, const TensorShape& out, const Clamp& clamp);

// Padding never wins.
void max_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Window& window);

// Sums in ascending order of rows and columns. Divides by the pixels of the window inside the picture, or, with
// count_include_pad, inside the padded picture.
void average_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out,
                  const Window& window, bool count_include_pad);

}  // namespace narrow::graph
