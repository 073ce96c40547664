// The kernels of this folder, which table_neon.cpp lists. Families that are not here are those of the scalar reference.
#pragma once

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::neon {

extern const ConvolutionKernel kConvolutionS16;
extern const ConvolutionKernel kDepthwiseS16;
extern const ConvolutionF32Kernel kConvolutionF32;

}  // namespace narrow::kernels::neon
#pragma GCC visibility pop
