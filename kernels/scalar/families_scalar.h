// The kernels of each family of this folder, which table_scalar.cpp lists.
#pragma once

#include <cstddef>

#include "kernels/binary.h"
#include "kernels/convolution.h"
#include "kernels/elementwise.h"
#include "kernels/lookup.h"
#include "kernels/pixels.h"
#include "kernels/pool.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::scalar {

const ConvolutionKernel* const* convolution_list(std::size_t* count);
const ConvolutionF32Kernel* const* convolution_f32_list(std::size_t* count);
[[nodiscard]] const ElementwiseKernels* elementwise();
[[nodiscard]] const BinaryKernels* binary();
[[nodiscard]] const LookupKernels* lookup();
[[nodiscard]] const PixelKernels* pixels();
[[nodiscard]] const PoolKernels* pool();

}  // namespace narrow::kernels::scalar
#pragma GCC visibility pop
