// PNG (ISO/IEC 15948). Only the chunks that pixels depend on reach the decoder, each with its CRC checked; alpha,
// colour profiles, text and animation frames are dropped.
#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "base/try.h"
#include "importers/image/exif.h"
#include "importers/image/formats.h"
#include "importers/image/stb.h"

namespace narrow::image {
namespace {

constexpr std::size_t kSignatureBytes = 8;
constexpr std::size_t kHeaderBytes = 13;
constexpr std::size_t kPaletteBytes = 256 * 3;
constexpr std::uint8_t kIndexed = 3;  // colour type

// The CRC of PNG's chunks (its annex D): polynomial 0xEDB88320, reflected, inverted before and after.
constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
    table[byte] = crc;
  }
  return table;
}();

std::uint32_t chunk_crc(Bytes bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const std::uint8_t byte : bytes) crc = (crc >> 8) ^ kCrcTable[(crc ^ byte) & 0xFF];
  return ~crc;
}

struct PngHeader {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  std::uint8_t color_type = 0;
};

Result<PngHeader> read_png_header(Bytes chunk, const PictureLimits& limits) {
  if (chunk.size() != kHeaderBytes) return broken("PNG", "its header has the wrong size");
  const PngHeader header{big_endian_32(chunk, 0), big_endian_32(chunk, 4), chunk[9]};
  const unsigned depth = chunk[8];
  // Bit depths that each colour type allows, as a mask.
  constexpr std::array<unsigned, 7> kDepths{
      1U | 2U | 4U | 8U | 16U, 0, 8U | 16U, 1U | 2U | 4U | 8U, 8U | 16U, 0, 8U | 16U};
  const bool one_bit = depth != 0 && (depth & (depth - 1)) == 0;
  if (header.color_type >= kDepths.size() || !one_bit || (kDepths[header.color_type] & depth) == 0) {
    return broken("PNG", "no such pixel format (colour type " + std::to_string(header.color_type) + ", " +
                             std::to_string(depth) + " bits)");
  }
  if (chunk[10] != 0) return broken("PNG", "unknown compression method");
  if (chunk[11] != 0) return broken("PNG", "unknown filter method");
  if (chunk[12] > 1) return broken("PNG", "unknown interlace method");
  NARROW_TRY(check_size("PNG", header.width, header.height, limits));
  return header;
}

void append_chunk(std::vector<std::uint8_t>& out, std::string_view type, Bytes data) {
  const auto length = static_cast<std::uint32_t>(data.size());
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(length >> shift));
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  out.insert(out.end(), 4, 0);  // stb_image does not read the CRC, which was checked already
}

}  // namespace

Result<Picture> decode_png(Bytes bytes, const PictureLimits& limits) {
  std::optional<PngHeader> header;
  Bytes header_chunk;
  std::vector<std::uint8_t> palette;
  std::vector<std::uint8_t> compressed;
  int orientation = 1;
  bool ended = false;
  for (std::size_t at = kSignatureBytes; !ended;) {
    if (bytes.size() - at < 12) return broken("PNG", "the file ends early");
    const std::size_t length = big_endian_32(bytes, at);
    if (length > bytes.size() - at - 12) return broken("PNG", "the file ends early");
    const Bytes type_and_data = bytes.subspan(at + 4, length + 4);
    const Bytes data = type_and_data.subspan(4);
    const std::string type(type_and_data.begin(), type_and_data.begin() + 4);
    if (!std::all_of(type.begin(), type.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); })) {
      return broken("PNG", "no chunk at offset " + std::to_string(at));
    }
    if (chunk_crc(type_and_data) != big_endian_32(bytes, at + 8 + length)) {
      return broken("PNG", "wrong checksum of chunk " + type + " at offset " + std::to_string(at));
    }
    at += length + 12;
    if (!header && type != "IHDR") return broken("PNG", "it does not begin with its header");
    if (type == "IHDR") {
      if (header) return broken("PNG", "two headers");
      NARROW_ASSIGN(header, read_png_header(data, limits));
      header_chunk = data;
    } else if (type == "PLTE") {
      if (length == 0 || length % 3 != 0 || length > kPaletteBytes)
        return broken("PNG", "its palette has the wrong size");
      palette.assign(data.begin(), data.end());
    } else if (type == "IDAT") {
      compressed.insert(compressed.end(), data.begin(), data.end());
    } else if (type == "eXIf") {
      orientation = exif_orientation(data);
    } else if (type == "IEND") {
      ended = true;
    } else if (type[0] >= 'A' && type[0] <= 'Z') {
      return unsupported("PNG", "the critical chunk " + type);
    }
  }
  if (compressed.empty()) return broken("PNG", "no pixels");

  std::vector<std::uint8_t> checked(bytes.begin(), bytes.begin() + kSignatureBytes);
  append_chunk(checked, "IHDR", header_chunk);
  if (header->color_type == kIndexed) {
    if (palette.empty()) return broken("PNG", "no palette");
    palette.resize(kPaletteBytes, 0);  // indices beyond the palette are black
    append_chunk(checked, "PLTE", palette);
  }
  append_chunk(checked, "IDAT", compressed);
  append_chunk(checked, "IEND", {});
  Result<Picture> image = decode_with_stb("PNG", checked, header->width, header->height);
  if (image.ok()) image->orientation = orientation;
  return image;
}

}  // namespace narrow::image
