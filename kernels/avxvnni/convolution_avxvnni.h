// The convolution kernels of this folder, which table_avxvnni.cpp puts in order.
#pragma once

#include "kernels/convolution.h"

namespace narrow::kernels::avxvnni {

extern const ConvolutionKernel kConvolutionU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kPointwiseU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradU8 __attribute__((visibility("hidden")));

}  // namespace narrow::kernels::avxvnni
