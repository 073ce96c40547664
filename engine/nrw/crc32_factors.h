// The constants by which a block of a message is moved to a later one, as crc32_folding.cpp explains.
#pragma once

#include <cstdint>

namespace narrow::engine {

// x^n mod P, reflected and shifted up by one bit, because the product of two reflected 64-bit polynomials is one bit
// too low.
constexpr std::int64_t power_of_x(int n) {
  std::uint32_t remainder = 0x80000000U;  // 1
  for (int i = 0; i < n; ++i) remainder = (remainder >> 1) ^ ((remainder & 1U) != 0 ? 0xEDB88320U : 0U);
  return static_cast<std::int64_t>(std::uint64_t{remainder} << 1);
}

// The factors that move a block of 128 bits by `bits`: one for its first half, which is 64 powers higher, and one for
// its second half. They include that the factor itself is 32 bits up in its 64.
struct CrcFactors {
  std::int64_t first, second;
};
constexpr CrcFactors crc_factors(int bits) { return {power_of_x(bits + 32), power_of_x(bits - 32)}; }

}  // namespace narrow::engine
