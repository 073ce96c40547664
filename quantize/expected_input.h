// What the weights of a layer are multiplied with, on average.
#pragma once

#include <span>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// For each weight of an output channel's filter the mean of its input over all output pixels: [groups, kernel_h,
// kernel_w, in_channels / groups], for a linear layer [H * W * C]. Channels are taken to have the same mean everywhere
// in the image; where a tap lies in the padding, its input is zero.
// node: a Convolution or Linear; means: [channels] of its input, or empty, which gives an empty result.
[[nodiscard]] std::vector<double> expected_input(const Node& node, const TensorShape& input, const TensorShape& output,
                                                 std::span<const float> means);

}  // namespace narrow::graph
