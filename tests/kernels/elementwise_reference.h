// The elementwise formulas once more, written from numerics.md in double and 64-bit integers: what the scalar reference
// is tested against.
#pragma once

#include <cmath>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::testing {

// clamp(round_half_to_even(value) + zero_point, lo, hi) on wide types.
inline std::uint8_t expected_rounding(float value, std::int64_t zero_point, QRange range) {
  if (std::isnan(value)) return static_cast<std::uint8_t>(range.lo);
  const double rounded = std::nearbyint(double{value}) + static_cast<double>(zero_point);
  if (rounded < range.lo) return static_cast<std::uint8_t>(range.lo);
  if (rounded > range.hi) return static_cast<std::uint8_t>(range.hi);
  return static_cast<std::uint8_t>(rounded);
}

// One IEEE operation in single precision. A double holds the exact product of two floats, and has more than twice their
// digits, so that rounding a quotient or sum twice gives the same as once.
inline float single_product(float a, float b) { return static_cast<float>(double{a} * double{b}); }
inline float single_quotient(float a, float b) { return static_cast<float>(double{a} / double{b}); }
inline float single_sum(float a, float b) { return static_cast<float>(double{a} + double{b}); }

}  // namespace narrow::testing
