// For kernels that multiply x itself and add -zero_point * sum(w) to the bias. Everything here has internal linkage:
// see kernels/CMakeLists.txt.
#pragma once

#include <cstdint>

#include "kernels/convolution.h"

namespace narrow::kernels {

[[maybe_unused]] static inline std::int64_t folded_bias(const ConvolutionProblem& problem, std::int64_t channel) {
  return problem.bias[channel] - problem.input_zero_point * problem.sums[channel].total();
}

// The largest byte that such a kernel can read. The padding holds the zero point, which may lie outside the range.
[[maybe_unused]] static inline std::int32_t largest_byte(const ConvolutionProblem& problem) {
  return problem.input_range.hi > problem.input_zero_point ? problem.input_range.hi : problem.input_zero_point;
}

}  // namespace narrow::kernels
