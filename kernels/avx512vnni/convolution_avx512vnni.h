// The convolution kernels of this folder. table_avx512vnni.cpp lists them in order.
#pragma once

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx512vnni {

extern const ConvolutionKernel kConvolutionU8;
extern const ConvolutionKernel kPointwiseU8;
extern const ConvolutionKernel kWinogradU8;
extern const ConvolutionKernel kDepthwise3x3;
extern const ConvolutionKernel kDepthwiseU8;
extern const ConvolutionKernel kWinogradS16;

// The refusal of depthwise_u8_avx512vnni. Other kernels may refuse more.
[[nodiscard]] Refusal refuse_depthwise_u8(const ConvolutionProblem& problem);

}  // namespace narrow::kernels::avx512vnni
#pragma GCC visibility pop
