#include "kernels/avx2/two_bits/w2_levels_avx2.h"

#include "base/arithmetic.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {

bool has_few_levels(const ConvolutionProblem& problem) {
  return problem.output_type == OutputType::kUint8 &&
         problem.output_range.hi - problem.output_range.lo <= kMostThresholds;
}

std::int64_t least_sum(const ConvolutionProblem& problem, std::int64_t channel, int level, std::int64_t lo,
                       std::int64_t hi) {
  const std::int64_t bias = folded_bias(problem, channel);
  const float multiplier = problem.multiplier[channel];
  const std::int32_t integer = problem.output_range.lo + level - problem.output_zero_point;
  // Half a level below an even integer rounds up to it, below an odd one down.
  const float edge = static_cast<float>(integer) - 0.5F;
  const bool at_edge = integer % 2 == 0;
  const auto reached = [&](std::int64_t sum) {
    const std::int64_t acc = base::clamped(sum + bias, INT32_MIN, INT32_MAX);
    const float product = static_cast<float>(static_cast<std::int32_t>(acc)) * multiplier;
    return at_edge ? product >= edge : product > edge;
  };
  // It is next to the real number, unless that is far outside or the accumulators are too large for single precision.
  const double real = static_cast<double>(edge) / static_cast<double>(multiplier) - static_cast<double>(bias);
  if (real > static_cast<double>(lo) && real < static_cast<double>(hi)) {
    const std::int64_t near = static_cast<std::int64_t>(real);
    for (std::int64_t sum = near - 1; sum <= near + 2; ++sum) {
      if (sum > lo && sum <= hi && !reached(sum - 1) && reached(sum)) return sum;
    }
  }
  std::int64_t below = lo - 1, at = hi + 1;
  while (at - below > 1) {
    const std::int64_t middle = below + (at - below) / 2;
    (reached(middle) ? at : below) = middle;
  }
  return at;
}

}  // namespace narrow::kernels::avx2
