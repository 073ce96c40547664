// The convolution kernels of this folder, which table_avx512vnni.cpp puts in order.
#pragma once

#include "kernels/convolution.h"

namespace narrow::kernels::avx512vnni {

extern const ConvolutionKernel kConvolutionU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kPointwiseU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kDepthwise3x3 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kDepthwiseU8 __attribute__((visibility("hidden")));
extern const ConvolutionKernel kWinogradS16 __attribute__((visibility("hidden")));

// Of depthwise_u8_avx512vnni; other kernels may refuse more.
[[nodiscard]] __attribute__((visibility("hidden"))) Refusal refuse_depthwise_u8(const ConvolutionProblem& problem);

}  // namespace narrow::kernels::avx512vnni
