// The kernels of each family of this folder, which table_avx2.cpp lists.
#pragma once

#include "kernels/binary.h"
#include "kernels/convolution.h"
#include "kernels/elementwise.h"
#include "kernels/lookup.h"
#include "kernels/pixels.h"
#include "kernels/pool.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

extern const ConvolutionKernel kConvolutionA16;
extern const ConvolutionKernel kConvolutionMatched;
extern const ConvolutionKernel kConvolutionS16;
extern const ConvolutionKernel kConvolutionU8;
extern const ConvolutionKernel kConvolutionW2;
extern const ConvolutionKernel kDepthwiseS16;
extern const ConvolutionKernel kDepthwiseU8;
extern const ConvolutionKernel kDepthwiseU8WideBias;
extern const ConvolutionKernel kPointwiseA16;
extern const ConvolutionKernel kPointwiseS16;
extern const ConvolutionKernel kWinogradS16;
extern const ConvolutionKernel kWinograd3x3;
extern const ConvolutionKernel kWinogradU8;
extern const ConvolutionF32Kernel kConvolutionF32;

[[nodiscard]] const ElementwiseKernels* elementwise();
[[nodiscard]] const BinaryKernels* binary();
[[nodiscard]] const LookupKernels* lookup();
[[nodiscard]] const PixelKernels* pixels();
[[nodiscard]] const PoolKernels* pool();

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
