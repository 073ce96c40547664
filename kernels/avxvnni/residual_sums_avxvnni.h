// Residual sums of the accumulators of convolution_u8_avxvnni: math in kernels/convolution.h.
#pragma once

#include "kernels/convolution.h"
#include "kernels/shared/vnni/tile_vnni.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avxvnni {

// Panels of 1 or 2 vectors of 8 channels. Exact for any int32 and any finite positive multipliers.
void store_residual_sums(const ConvolutionProblem& problem, const vnni::PanelSums& sums);

}  // namespace narrow::kernels::avxvnni
#pragma GCC visibility pop
