// Small integer arithmetic that every folder needs. Everything here is static: the files of an instruction set may
// include it, because the linker then never takes one instruction set's copy for another's.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::base {

// The quotient rounded up. value >= 0, by > 0; value + by - 1 must not overflow.
static constexpr std::int64_t ceil_div(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }
static constexpr std::size_t ceil_div(std::same_as<std::size_t> auto value, std::size_t by) {
  return (value + by - 1) / by;
}

// The smallest multiple of `to` that is not below `value`. The same limits as for ceil_div().
static constexpr std::int64_t round_up(std::int64_t value, std::int64_t to) { return ceil_div(value, to) * to; }
static constexpr std::size_t round_up(std::same_as<std::size_t> auto value, std::size_t to) {
  return ceil_div(value, to) * to;
}

// std::min, std::max and std::clamp by value and without <algorithm>.
template <class T>
static constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
static constexpr T max(T a, T b) {
  return a < b ? b : a;
}
// `value`, or the end of [lo, hi] that it lies beyond. lo <= hi.
static constexpr std::int64_t clamped(std::int64_t value, std::int64_t lo, std::int64_t hi) {
  return value < lo ? lo : (hi < value ? hi : value);
}

// |value|; not of the smallest int64.
static constexpr std::int64_t magnitude(std::int64_t value) { return value < 0 ? -value : value; }
// The largest |x| of the range.
static constexpr std::int64_t magnitude(const QRange& range) {
  return max(magnitude(std::int64_t{range.lo}), magnitude(std::int64_t{range.hi}));
}

// The largest |sum| of products of `depth` inputs with weights, bias excluded. It holds for every partial sum, in any
// order of summation, whether the zero point is subtracted from each input or corrected once as -zero_point * sum(w):
// depth * (max|x| + |zero_point|) * weight. weight: the largest |w|. INT64_MAX if that overflows.
static constexpr std::int64_t accumulator_bound(std::int64_t depth, const QRange& input, std::int32_t zero_point,
                                                std::int64_t weight) {
  const std::int64_t element = magnitude(input) + magnitude(std::int64_t{zero_point});
  std::int64_t bound = 0;
  if (__builtin_mul_overflow(depth, element, &bound) || __builtin_mul_overflow(bound, weight, &bound)) {
    return INT64_MAX;
  }
  return bound;
}

}  // namespace narrow::base
