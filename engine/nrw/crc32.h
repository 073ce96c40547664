// CRC-32 as in zip and PNG (ISO-HDLC: polynomial 0x04C11DB7 reflected, start and final inversion).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace narrow::engine {

// CRC of `bytes`; pass the CRC of what comes before them to continue it. It finds every change within 32 adjacent bits.
// Computed by whichever of the two below is fastest on this CPU.
[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

// The reference, on any CPU.
[[nodiscard]] std::uint32_t crc32_by_table(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

// The same number from carry-less products; needs a CPU with PCLMULQDQ (kernels::cpu_has_pclmul).
[[nodiscard]] std::uint32_t crc32_by_folding(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

}  // namespace narrow::engine
