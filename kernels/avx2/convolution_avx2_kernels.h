// The kernels that convolution_list_avx2.cpp puts in order.
#pragma once

#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

extern const ConvolutionKernel kConvolutionA16 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kConvolutionMatched __attribute__((visibility("hidden")));
extern const ConvolutionKernel kConvolutionS16 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kConvolutionU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kDepthwiseS16 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kDepthwiseU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kPointwiseA16 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kPointwiseS16 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradS16 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradStrided __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradU8 __attribute__((visibility("hidden")));
extern const ConvolutionF32Kernel kConvolutionF32 __attribute__((visibility("hidden")));

}  // namespace narrow::kernels::avx2
