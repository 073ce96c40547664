// Residual sums of the accumulators of convolution_u8_avx512vnni: math in kernels/convolution.h.
#pragma once

#include "kernels/convolution.h"
#include "kernels/shared/vnni/tile_vnni.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx512vnni {

// Panels of 1 to 4 vectors of 16 channels. Exact for any int32 and any finite positive multipliers.
void store_residual_sums(const ConvolutionProblem& problem, const vnni::PanelSums& sums);

}  // namespace narrow::kernels::avx512vnni
#pragma GCC visibility pop
