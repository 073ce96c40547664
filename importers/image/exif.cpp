#include "importers/image/exif.h"

#include <cstddef>
#include <cstring>
#include <string_view>

namespace narrow::image {

int exif_orientation(Bytes tiff) {
  constexpr std::uint32_t kOrientation = 0x0112;
  constexpr std::uint32_t kShort = 3;
  constexpr std::size_t kEntryBytes = 12;
  if (tiff.size() < 8) return 1;
  const bool little = tiff[0] == 'I' && tiff[1] == 'I';
  if (!little && (tiff[0] != 'M' || tiff[1] != 'M')) return 1;
  const auto number_16 = [&](std::size_t at) { return little ? little_endian_16(tiff, at) : big_endian_16(tiff, at); };
  const std::size_t directory = little ? little_endian_32(tiff, 4) : big_endian_32(tiff, 4);
  if (directory > tiff.size() - 2) return 1;
  const std::size_t entries = number_16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + i * kEntryBytes;
    if (at + kEntryBytes > tiff.size()) return 1;
    if (number_16(at) != kOrientation || number_16(at + 2) != kShort) continue;
    const std::uint32_t orientation = number_16(at + 8);
    return orientation >= 1 && orientation <= 8 ? static_cast<int>(orientation) : 1;
  }
  return 1;
}

int exif_orientation_after_name(Bytes exif) {
  constexpr std::string_view kName("Exif\0\0", 6);
  if (exif.size() >= kName.size() && std::memcmp(exif.data(), kName.data(), kName.size()) == 0) {
    exif = exif.subspan(kName.size());
  }
  return exif_orientation(exif);
}

}  // namespace narrow::image
