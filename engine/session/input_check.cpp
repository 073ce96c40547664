#include "engine/session/input_check.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace narrow::engine {
namespace {

// All bits of the exponent are set in NaN and infinity alone.
constexpr std::uint32_t kExponent = 0x7F800000;

// Without branches, so that compilers use vectors.
bool all_are_finite(std::span<const float> values) {
  std::uint32_t found = 0;
  for (const float value : values) {
    found |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(value) & kExponent) == kExponent);
  }
  return found == 0;
}

}  // namespace

std::optional<std::size_t> first_not_finite(std::span<const float> values) {
  constexpr std::size_t kBlock = 1024;
  for (std::size_t at = 0; at < values.size(); at += kBlock) {
    const std::span<const float> block = values.subspan(at, std::min(kBlock, values.size() - at));
    if (all_are_finite(block)) continue;
    for (std::size_t i = 0;; ++i) {
      if ((std::bit_cast<std::uint32_t>(block[i]) & kExponent) == kExponent) return at + i;
    }
  }
  return std::nullopt;
}

}  // namespace narrow::engine
