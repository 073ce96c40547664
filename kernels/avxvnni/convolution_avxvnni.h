// The convolution kernels of this folder. table_avxvnni.cpp lists them in order.
#pragma once

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avxvnni {

extern const ConvolutionKernel kConvolutionU8;
extern const ConvolutionKernel kPointwiseU8;
extern const ConvolutionKernel kWinogradU8;

}  // namespace narrow::kernels::avxvnni
#pragma GCC visibility pop
