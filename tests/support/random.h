// Random bytes, ranges and multipliers.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <random>
#include <vector>

#include "narrow/types.h"

namespace narrow::testing {

[[nodiscard]] std::vector<std::uint8_t> random_bytes(std::mt19937& random, std::integral auto count) {
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(count));
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// 0 to limit - 1.
[[nodiscard]] inline std::int32_t random_below(std::mt19937& random, std::int32_t limit) {
  return static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(limit));
}

// Both ends are below `limit`.
[[nodiscard]] inline QRange random_range(std::mt19937& random, std::int32_t limit = 256) {
  const std::int32_t a = random_below(random, limit);
  const std::int32_t b = random_below(random, limit);
  return {std::min(a, b), std::max(a, b)};
}

// e to a power between the two.
[[nodiscard]] inline float random_multiplier(std::mt19937& random, float lowest_power, float highest_power) {
  return std::exp(std::uniform_real_distribution<float>(lowest_power, highest_power)(random));
}

}  // namespace narrow::testing
