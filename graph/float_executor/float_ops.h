// The operators without weights, in float, on one picture in [height, width, channels] order.
#pragma once

#include <cstdint>

#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::graph {

// output = clamp(input); in place is allowed.
void clamp_values(const float* input, float* output, std::int64_t count, const Clamp& clamp);

// output = clamp(a + b).
void add_values(const float* a, const float* b, float* output, std::int64_t count, const Clamp& clamp);

// Padding never wins.
void max_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Window& window);

// Sums in ascending order of rows and columns. Divides by the pixels of the window inside the picture, or, with
// count_include_pad, inside the padded picture.
void average_pool(const float* input, const TensorShape& in, float* output, const TensorShape& out,
                  const Window& window, bool count_include_pad);

// Writes `channels` channels of each pixel, from the same number of input channels, to output channels `first_channel`
// and following, of `output_channels`.
void copy_channels(const float* input, std::int64_t channels, float* output, std::int64_t output_channels,
                   std::int64_t first_channel, std::int64_t pixels);

}  // namespace narrow::graph
