// The convolution kernels of this folder. table_neondot.cpp lists them in order.
#pragma once

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::neondot {

extern const ConvolutionKernel kConvolutionS8;

}  // namespace narrow::kernels::neondot
#pragma GCC visibility pop
