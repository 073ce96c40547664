// Packs integers with the bits of their range: with n = bits_for(range), value i is in the bits [i * n, (i + 1) * n) of
// a little-endian bit stream (bit 0 is the lowest bit of byte 0). Values are two's complement if the range has negative
// values, else unsigned. The bits after the last value are zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "narrow/types.h"

namespace narrow::graph {

// The bytes of `count` packed values of `bits` bits; nothing on overflow. bits in 1..8.
[[nodiscard]] std::optional<std::size_t> packed_size(std::size_t count, int bits) noexcept;

// Packs `values`, which lie within `range`. packed has packed_size() bytes. range is within [-128, 127].
void pack_bits(std::span<const std::int8_t> values, const QRange& range, std::span<std::byte> packed) noexcept;

// The inverse of pack_bits(). packed has packed_size() bytes. Returns false if a value lies outside range or a bit
// after the last value is set; values are then unspecified.
[[nodiscard]] bool unpack_bits(std::span<const std::byte> packed, const QRange& range,
                               std::span<std::int8_t> values) noexcept;

// Returns what unpack_bits() of `count` values would return, without memory for the values.
[[nodiscard]] bool is_packed(std::span<const std::byte> packed, const QRange& range, std::size_t count) noexcept;

}  // namespace narrow::graph
