// Integers packed at the width of their range: value i takes bits [i * width, (i + 1) * width) of a little-endian bit
// stream (bit 0 is the lowest bit of byte 0). Two's complement when the range has negative values, else unsigned. The
// bits after the last value are zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "narrow/types.h"

namespace narrow::graph {

// Bytes that `count` values of `width` bits take; nothing on overflow. width in 1..8.
[[nodiscard]] std::optional<std::size_t> packed_size(std::size_t count, int width) noexcept;

// Packs values, all within `range`, to packed, which has packed_size bytes. range is within [-128, 127].
void pack_bits(std::span<const std::int8_t> values, const QRange& range, std::span<std::byte> packed) noexcept;

// The inverse; packed has packed_size bytes. False when a value lies outside of range or a bit after the last value is
// set; values is then of no use.
[[nodiscard]] bool unpack_bits(std::span<const std::byte> packed, const QRange& range,
                               std::span<std::int8_t> values) noexcept;

// What unpack_bits of `count` values would return, without their memory.
[[nodiscard]] bool is_packed(std::span<const std::byte> packed, const QRange& range, std::size_t count) noexcept;

}  // namespace narrow::graph
