// Small integer arithmetic that every folder needs. Everything here is static: the files of an instruction set may
// include it, because the linker then never takes one instruction set's copy for another's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narrow::base {

// The quotient rounded up. value >= 0, by > 0; value + by - 1 must not overflow.
static constexpr std::int64_t ceil_div(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }
static constexpr std::size_t ceil_div(std::size_t value, std::size_t by) { return (value + by - 1) / by; }

// The smallest multiple of `to` that is not below `value`. The same limits as for ceil_div().
static constexpr std::int64_t round_up(std::int64_t value, std::int64_t to) { return ceil_div(value, to) * to; }
static constexpr std::size_t round_up(std::size_t value, std::size_t to) { return ceil_div(value, to) * to; }

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

}  // namespace narrow::base
