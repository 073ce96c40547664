// Outputs of at most four levels: which sums reach each level. They are compared with the sums, so nothing is
// multiplied or rounded.
#pragma once

#include <cstdint>

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kMostThresholds = 3;

// Whether outputs are uint8 with at most kMostThresholds + 1 levels.
[[nodiscard]] bool has_few_levels(const ConvolutionProblem& problem);

// The least sum in [lo, hi] of products of x and w that brings channel `channel` to output_range.lo + level; hi + 1:
// none does. level: 1 to output_range.hi - output_range.lo. The multiplier is positive, so all larger sums do so, too.
[[nodiscard]] std::int64_t least_sum(const ConvolutionProblem& problem, std::int64_t channel, int level,
                                     std::int64_t lo, std::int64_t hi);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
