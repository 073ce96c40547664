#include "engine/nrw/crc32.h"

#include <array>

#include "kernels/cpu_features.h"

namespace narrow::engine {
namespace {

using Table = std::array<std::uint32_t, 256>;

// tables[k][b] is the CRC of byte b followed by k zero bytes, so that one iteration processes four bytes ("slicing by
// 4", Kounavis and Berry 2005).
constexpr std::array<Table, 4> make_tables() {
  std::array<Table, 4> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
    tables[0][byte] = crc;
  }
  for (std::size_t k = 1; k < 4; ++k) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t shorter = tables[k - 1][byte];
      tables[k][byte] = (shorter >> 8) ^ tables[0][shorter & 0xFFU];
    }
  }
  return tables;
}
constexpr std::array<Table, 4> kTables = make_tables();

std::uint32_t byte_at(std::span<const std::byte> bytes, std::size_t index) {
  return std::to_integer<std::uint32_t>(bytes[index]);
}

}  // namespace

Crc32 crc32_for(int carryless_bits) {
  if (carryless_bits >= 512) return crc32_by_folding_512;
  if (carryless_bits >= 256) return crc32_by_folding_256;
  return carryless_bits >= 128 ? crc32_by_folding : crc32_by_table;
}

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  return crc32_for(kernels::carryless_bits())(bytes, previous);
}

std::uint32_t crc32_by_table(std::span<const std::byte> bytes, std::uint32_t previous) noexcept {
  std::uint32_t crc = ~previous;
  while (bytes.size() >= 4) {
    crc ^= byte_at(bytes, 0) | byte_at(bytes, 1) << 8 | byte_at(bytes, 2) << 16 | byte_at(bytes, 3) << 24;
    crc = kTables[3][crc & 0xFFU] ^ kTables[2][(crc >> 8) & 0xFFU] ^ kTables[1][(crc >> 16) & 0xFFU] ^
          kTables[0][crc >> 24];
    bytes = bytes.subspan(4);
  }
  for (const std::byte byte : bytes) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xFFU];
  }
  return ~crc;
}

}  // namespace narrow::engine
