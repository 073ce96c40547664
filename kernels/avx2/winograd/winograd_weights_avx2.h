// From weights to W = G g G^T, see winograd_plan_avx2.h. A panel is 16 output channels; a step is two input channels of
// all 16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_plan_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kWinogradHeadBytes = 128;  // of a panel: int32 bias[16], float multiplier[16]
inline constexpr std::int64_t kWinogradStepBytes = 288;  // [8 channels twice][9 taps][8 channels][2], int8
inline constexpr std::int64_t kWinogradWBytes = 64;      // [16 channels][2], int16: of a step and a position

// Panels: head, then steps of weights or, unless the plan expands them, W [position][step]. Channels are in the order
// of Acc; -zero_point * sum(w) is in the bias, modulo 2^32.
void pack_winograd(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* packed);

// W of `steps` steps, to 36 places that are `position_bytes` apart, 32-byte aligned.
void expand_weights(const std::byte* weights, std::int64_t steps, std::int64_t position_bytes, std::byte* w);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
