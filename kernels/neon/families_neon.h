// The kernels of this folder, which table_neon.cpp lists. Families that are not here are those of the scalar reference.
#pragma once

#include "kernels/binary.h"
#include "kernels/convolution.h"
#include "kernels/elementwise.h"
#include "kernels/lookup.h"
#include "kernels/pool.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::neon {

extern const ConvolutionKernel kConvolutionS16;
extern const ConvolutionKernel kDepthwiseS16;
extern const ConvolutionF32Kernel kConvolutionF32;

[[nodiscard]] const ElementwiseKernels* elementwise();
[[nodiscard]] const BinaryKernels* binary();
[[nodiscard]] const LookupKernels* lookup();
[[nodiscard]] const PoolKernels* pool();

}  // namespace narrow::kernels::neon
#pragma GCC visibility pop
