// Operators that only move elements, in float, on one image in [height, width, channels] order.
#pragma once

#include <array>
#include <cstdint>

#include "graph/ir.h"
#include "narrow/types.h"

namespace narrow::graph {

// Writes all channels of each input pixel to output channels [first_channel, first_channel + channels). Output pixels
// have `output_channels` channels.
void copy_channels(const float* input, std::int64_t channels, float* output, std::int64_t output_channels,
                   std::int64_t first_channel, std::int64_t pixels);

// Writes zeros around the image.
void pad_image(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Padding& pad);

// Writes the elements [begin, begin + out) of every dimension.
void slice(const float* input, const TensorShape& in, float* output, const TensorShape& out, const TensorShape& begin);

// Output dimension i is input dimension order[i].
void transpose(const float* input, const TensorShape& in, float* output, const TensorShape& out,
               const std::array<int, 3>& order);

// Element i along op.dimension is element op.indices[i] of the input.
void gather(const float* input, const TensorShape& in, float* output, const TensorShape& out, const Gather& op);

}  // namespace narrow::graph
