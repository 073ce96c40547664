// Changes inside .nrw bytes, with new checksums, so that they reach the checks after those of the checksums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/nrw/crc32.h"
#include "engine/nrw/nrw_layout.h"

namespace narrow::testing {

inline std::uint64_t get_number(std::span<const std::byte> bytes, std::size_t offset, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value |= std::to_integer<std::uint64_t>(bytes[offset + i]) << (8 * i);
  return value;
}

inline void put_number(std::span<std::byte> bytes, std::size_t offset, std::size_t size, std::uint64_t value) {
  for (std::size_t i = 0; i < size; ++i) bytes[offset + i] = static_cast<std::byte>(value >> (8 * i));
}

// Row of the section table, by index.
inline std::size_t table_row(std::size_t index) { return engine::kHeaderBytes + index * engine::kSectionEntryBytes; }

// Makes every checksum right again, as far as the table makes sense.
inline void repair_checksums(std::span<std::byte> file) {
  if (file.size() < engine::kHeaderBytes) return;
  const std::uint64_t sections = get_number(file, 24, 4);
  if (sections > engine::kMaxSections || table_row(static_cast<std::size_t>(sections)) > file.size()) return;
  for (std::size_t i = 0; i < sections; ++i) {
    const std::uint64_t offset = get_number(file, table_row(i) + 8, 8);
    const std::uint64_t size = get_number(file, table_row(i) + 16, 8);
    if (offset > file.size() || size > file.size() - offset) continue;
    const auto bytes = file.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
    put_number(file, table_row(i) + 24, 4, engine::crc32(bytes));
  }
  const auto table = file.subspan(engine::kHeaderBytes, sections * engine::kSectionEntryBytes);
  const std::uint32_t header = engine::crc32(file.first(engine::kHeaderChecksumOffset));
  put_number(file, engine::kHeaderChecksumOffset, 4, engine::crc32(table, header));
}

}  // namespace narrow::testing
