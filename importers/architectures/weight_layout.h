// Converts weights from PyTorch's order to the graph's, which has channels last.
#pragma once

#include <vector>

#include "importers/weights/state_dict.h"
#include "narrow/types.h"

namespace narrow::importers {

// Convolution: [OC, IC / groups, KH, KW] -> [OC, KH, KW, IC / groups]. Precondition: four dimensions.
[[nodiscard]] std::vector<float> convolution_weights(const Tensor& tensor);

// Linear after a flatten of `input`: columns [C, H, W] -> [H, W, C]. Precondition: [out, input.elems()].
[[nodiscard]] std::vector<float> linear_weights(const Tensor& tensor, const TensorShape& input);

// The weights of a linear layer on `input` that computes what `tensor` computes on the input averaged to grid x grid
// cells and flattened. Cell i of n pixels is [floor(i * n / grid), ceil((i + 1) * n / grid)), as in PyTorch's adaptive
// average pooling. Precondition: [out, channels * grid * grid].
[[nodiscard]] std::vector<float> linear_weights_on_grid(const Tensor& tensor, const TensorShape& input, int grid);

}  // namespace narrow::importers
