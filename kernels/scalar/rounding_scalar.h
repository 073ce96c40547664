// The only rounding rule.
#pragma once

#include <cmath>
#include <cstdint>

#include "narrow/types.h"

namespace narrow::kernels::scalar {

// The nearest integer, ties to even, for |value| < 2^22. It uses floor, so that neither the rounding mode nor a
// compiler flag can change the result.
inline float round_half_to_even(float value) {
  const float below = std::floor(value);
  const float rest = value - below;  // exact
  const bool below_is_even = below == 2.0F * std::floor(below * 0.5F);
  return rest > 0.5F || (rest == 0.5F && !below_is_even) ? below + 1.0F : below;
}

// clamp(round(value) + zero_point, range.lo, range.hi); NaN becomes lo. The bounds are integers, so clamping before
// rounding has the same result and keeps the conversion to int32 in range.
inline std::uint8_t round_and_clamp(float value, std::int32_t zero_point, QRange range) {
  const auto lo = static_cast<float>(range.lo - zero_point);
  const auto hi = static_cast<float>(range.hi - zero_point);
  const float not_below = value > lo ? value : lo;  // NaN compares false
  const float clamped = not_below < hi ? not_below : hi;
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(round_half_to_even(clamped)) + zero_point);
}

}  // namespace narrow::kernels::scalar
