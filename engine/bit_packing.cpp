#include "engine/bit_packing.h"

#include <algorithm>

namespace narrow::engine {
namespace {

// Eight values of `width` bits are exactly `width` bytes: both directions work on such groups.
constexpr std::size_t kGroup = 8;

std::size_t bytes_of(std::size_t count, std::size_t width) { return (count * width + 7) / 8; }

}  // namespace

std::optional<std::size_t> packed_size(std::size_t count, int width) noexcept {
  const auto bits_per_value = static_cast<std::size_t>(width);
  std::size_t bits = 0;
  if (__builtin_mul_overflow(count, bits_per_value, &bits)) return std::nullopt;
  return bits / 8 + (bits % 8 != 0 ? 1 : 0);
}

void pack_bits(std::span<const std::int8_t> values, const QRange& range, std::span<std::byte> packed) noexcept {
  const auto width = static_cast<std::size_t>(bits_for(range));
  const std::uint64_t mask = (std::uint64_t{1} << width) - 1;
  for (std::size_t i = 0; i < values.size(); i += kGroup) {
    const std::size_t count = std::min(kGroup, values.size() - i);
    std::uint64_t group = 0;
    for (std::size_t k = 0; k < count; ++k) {
      group |= (static_cast<std::uint64_t>(std::int64_t{values[i + k]}) & mask) << (k * width);
    }
    const std::size_t bytes = bytes_of(count, width);
    for (std::size_t b = 0; b < bytes; ++b) packed[i / kGroup * width + b] = static_cast<std::byte>(group >> (8 * b));
  }
}

bool unpack_bits(std::span<const std::byte> packed, const QRange& range, std::span<std::int8_t> values) noexcept {
  const auto width = static_cast<std::size_t>(bits_for(range));
  const std::uint32_t mask = (std::uint32_t{1} << width) - 1;
  // (v ^ sign) - sign extends a two's complement number of `width` bits.
  const std::int32_t sign = range.lo < 0 ? std::int32_t{1} << (width - 1) : 0;
  std::int32_t lowest = range.lo;
  std::int32_t highest = range.hi;
  for (std::size_t i = 0; i < values.size(); i += kGroup) {
    const std::size_t count = std::min(kGroup, values.size() - i);
    const std::size_t bytes = bytes_of(count, width);
    std::uint64_t group = 0;
    for (std::size_t b = 0; b < bytes; ++b) {
      group |= std::to_integer<std::uint64_t>(packed[i / kGroup * width + b]) << (8 * b);
    }
    for (std::size_t k = 0; k < count; ++k) {
      const auto bits = static_cast<std::int32_t>(static_cast<std::uint32_t>(group >> (k * width)) & mask);
      const std::int32_t value = (bits ^ sign) - sign;
      lowest = std::min(lowest, value);
      highest = std::max(highest, value);
      values[i + k] = static_cast<std::int8_t>(value);
    }
    if (count < kGroup && (group >> (count * width)) != 0) return false;
  }
  return lowest == range.lo && highest == range.hi;
}

}  // namespace narrow::engine
