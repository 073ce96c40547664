// The convolution kernels of this folder. table_amx.cpp lists them in order.
#pragma once

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::amx {

extern const ConvolutionKernel kConvolutionU8;

}  // namespace narrow::kernels::amx
#pragma GCC visibility pop
