// The convolution kernels of this folder, for its table.
#pragma once

#include <cstddef>

#include "kernels/convolution.h"

namespace narrow::kernels::scalar {

__attribute__((visibility("hidden"))) const ConvolutionKernel* const* convolution_list(std::size_t* count);
__attribute__((visibility("hidden"))) const ConvolutionF32Kernel* const* convolution_f32_list(std::size_t* count);

}  // namespace narrow::kernels::scalar
