// CRC-32 as in zip and PNG (ISO-HDLC: polynomial 0x04C11DB7 reflected, start and final inversion).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace narrow::engine {

// The CRC of `bytes`. To continue a CRC, pass the CRC of the bytes before them. It detects every change within 32
// adjacent bits. It calls the fastest of the functions below that this CPU can run.
[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

// The reference, which runs on any CPU.
[[nodiscard]] std::uint32_t crc32_by_table(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

// The same number, computed with carry-less products in registers of 128, 256 and 512 bits. Each requires a CPU whose
// kernels::carryless_bits is at least that.
[[nodiscard]] std::uint32_t crc32_by_folding(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;
[[nodiscard]] std::uint32_t crc32_by_folding_256(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;
[[nodiscard]] std::uint32_t crc32_by_folding_512(std::span<const std::byte> bytes, std::uint32_t previous = 0) noexcept;

using Crc32 = std::uint32_t (*)(std::span<const std::byte> bytes, std::uint32_t previous) noexcept;
// The fastest function for a CPU of that many carryless_bits.
[[nodiscard]] Crc32 crc32_for(int carryless_bits);

}  // namespace narrow::engine
