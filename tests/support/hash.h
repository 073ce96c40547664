// A short name for many bytes, in tests that hold known results.
#pragma once

#include <cstdint>
#include <span>

namespace narrow::testing {

// FNV-1a, 64 bits: http://www.isthe.com/chongo/tech/comp/fnv/
[[nodiscard]] inline std::uint64_t fnv1a(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const std::uint8_t byte : bytes) value = (value ^ byte) * 0x100000001b3ULL;
  return value;
}

}  // namespace narrow::testing
