// Windows and OS/2 bitmaps. Alpha is dropped; colours beyond the palette are black.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <vector>

#include "base/try.h"
#include "importers/image/formats.h"

namespace narrow::image {
namespace {

using Color = std::array<std::uint8_t, 3>;

enum Compression : std::uint32_t { kNone = 0, kRle8 = 1, kRle4 = 2, kBitFields = 3, kAlphaBitFields = 6 };

struct BmpHeader {
  std::uint64_t width = 0;
  std::uint64_t height = 0;
  bool top_down = false;
  unsigned bits = 0;  // per pixel
  std::uint32_t compression = kNone;
  std::array<std::uint32_t, 3> masks{};  // masks of red, green, blue, if bits is 16 or 32
  Bytes palette;
  std::size_t palette_entry_bytes = 4;
  Bytes pixels;
};

Error bmp_ends_early() { return broken("BMP", "the file ends early"); }

// The old OS/2 header: 16-bit sides, no compression.
void read_core_header(Bytes bytes, BmpHeader& header) {
  header.width = little_endian_16(bytes, 18);
  header.height = little_endian_16(bytes, 20);
  header.bits = little_endian_16(bytes, 24);
  header.palette_entry_bytes = 3;
}

Status read_info_header(Bytes bytes, BmpHeader& header) {
  const auto signed_width = static_cast<std::int32_t>(little_endian_32(bytes, 18));
  const auto signed_height = static_cast<std::int32_t>(little_endian_32(bytes, 22));
  if (signed_width < 0) return broken("BMP", "negative width");
  header.width = static_cast<std::uint64_t>(signed_width);
  header.top_down = signed_height < 0;
  header.height = static_cast<std::uint64_t>(header.top_down ? -std::int64_t{signed_height} : signed_height);
  header.bits = little_endian_16(bytes, 28);
  header.compression = little_endian_32(bytes, 30);
  if (header.bits == 16) header.masks = {0x7C00, 0x03E0, 0x001F};
  if (header.bits == 32) header.masks = {0xFF0000, 0xFF00, 0xFF};
  return {};
}

Status check_compression(const BmpHeader& header) {
  switch (header.compression) {
    case kNone:
      return {};
    case kBitFields:
    case kAlphaBitFields:
      if (header.bits == 16 || header.bits == 32) return {};
      break;
    case kRle8:
      if (header.bits == 8 && !header.top_down) return {};
      break;
    case kRle4:
      if (header.bits == 4 && !header.top_down) return {};
      break;
    default:
      return unsupported("BMP", "compression " + std::to_string(header.compression));
  }
  return broken("BMP", "compression " + std::to_string(header.compression) + " does not go with " +
                           std::to_string(header.bits) + " bits per pixel");
}

Result<BmpHeader> read_bmp_header(Bytes bytes, const PictureLimits& limits) {
  constexpr std::size_t kFileHeaderBytes = 14;
  if (bytes.size() < kFileHeaderBytes + 4) return bmp_ends_early();
  std::size_t pixels_at = little_endian_32(bytes, 10);
  const std::size_t header_bytes = little_endian_32(bytes, kFileHeaderBytes);
  constexpr std::array<std::size_t, 7> kKnown{12, 40, 52, 56, 64, 108, 124};
  if (std::find(kKnown.begin(), kKnown.end(), header_bytes) == kKnown.end()) {
    return unsupported("BMP", "a header of " + std::to_string(header_bytes) + " bytes");
  }
  std::size_t at = kFileHeaderBytes + header_bytes;
  if (bytes.size() < at) return bmp_ends_early();

  BmpHeader header;
  std::size_t colors = 0;
  if (header_bytes == 12) {
    read_core_header(bytes, header);
  } else {
    NARROW_TRY(read_info_header(bytes, header));
    colors = little_endian_32(bytes, 46);
  }
  NARROW_TRY(check_size("BMP", header.width, header.height, limits));
  constexpr std::array<unsigned, 6> kBits{1, 4, 8, 16, 24, 32};
  if (std::find(kBits.begin(), kBits.end(), header.bits) == kBits.end()) {
    return unsupported("BMP", std::to_string(header.bits) + " bits per pixel");
  }
  NARROW_TRY(check_compression(header));
  if (header.compression == kBitFields || header.compression == kAlphaBitFields) {
    // Masks follow the 40 bytes of the oldest header. Later headers have them at the same offset.
    constexpr std::size_t kMasksAt = kFileHeaderBytes + 40;
    if (bytes.size() < kMasksAt + 12) return bmp_ends_early();
    for (std::size_t i = 0; i < 3; ++i) header.masks[i] = little_endian_32(bytes, kMasksAt + 4 * i);
    if (header_bytes == 40) at += header.compression == kBitFields ? 12 : 16;
  }
  if (header.bits <= 8) {
    if (colors == 0 || colors > 256) colors = std::size_t{1} << header.bits;
    // Some writers forget the palette in the offset of the pixels. Pillow and others read such files.
    if (pixels_at == at) pixels_at += colors * header.palette_entry_bytes;
    const std::size_t end = std::max(at, pixels_at);
    if (end > bytes.size()) return bmp_ends_early();
    header.palette = bytes.subspan(at, std::min(end - at, colors * header.palette_entry_bytes));
  }
  if (pixels_at > bytes.size()) return bmp_ends_early();
  header.pixels = bytes.subspan(pixels_at);
  return header;
}

std::array<Color, 256> read_palette(const BmpHeader& header) {
  std::array<Color, 256> palette{};
  for (std::size_t i = 0; i < header.palette.size() / header.palette_entry_bytes; ++i) {
    const std::uint8_t* entry = header.palette.data() + i * header.palette_entry_bytes;
    palette[i] = {entry[2], entry[1], entry[0]};
  }
  return palette;
}

// One colour of a pixel, extracted by a mask and scaled to 0..255.
class Channel {
 public:
  explicit Channel(std::uint32_t mask)
      : mask_(mask), shift_(mask == 0 ? 0 : std::countr_zero(mask)), maximum_(mask >> shift_) {}

  [[nodiscard]] std::uint8_t value(std::uint32_t pixel) const {
    if (maximum_ == 0) return 0;
    return static_cast<std::uint8_t>(std::uint64_t{(pixel & mask_) >> shift_} * 255 / maximum_);
  }

 private:
  std::uint32_t mask_;
  int shift_;
  std::uint32_t maximum_;
};

// Decodes one row of pixels without run lengths.
void decode_row(const BmpHeader& header, const std::array<Color, 256>& palette, const std::array<Channel, 3>& channels,
                const std::uint8_t* in, std::uint8_t* out) {
  for (std::size_t x = 0; x < header.width; ++x, out += 3) {
    if (header.bits <= 8) {
      const std::size_t bit = x * header.bits;
      const unsigned shift = 8 - header.bits - static_cast<unsigned>(bit % 8);
      const std::size_t index = (in[bit / 8] >> shift) & ((1U << header.bits) - 1);
      std::copy(palette[index].begin(), palette[index].end(), out);
    } else if (header.bits == 24) {
      std::reverse_copy(in + 3 * x, in + 3 * x + 3, out);
    } else {
      const std::size_t bytes = header.bits / 8;
      const Bytes pixel(in + x * bytes, bytes);
      const std::uint32_t value = bytes == 2 ? little_endian_16(pixel, 0) : little_endian_32(pixel, 0);
      for (std::size_t c = 0; c < 3; ++c) out[c] = channels[c].value(value);
    }
  }
}

Result<Picture> decode_plain(const BmpHeader& header) {
  const std::uint64_t row_bits = header.width * header.bits;
  const std::uint64_t stride = (row_bits + 31) / 32 * 4;
  // The last row may lack its padding.
  if (header.pixels.size() < stride * (header.height - 1) + (row_bits + 7) / 8) return bmp_ends_early();
  const std::array<Color, 256> palette = read_palette(header);
  const std::array<Channel, 3> channels{Channel(header.masks[0]), Channel(header.masks[1]), Channel(header.masks[2])};
  Picture image = blank(header.width, header.height);
  for (std::uint64_t y = 0; y < header.height; ++y) {
    const std::uint64_t out_y = header.top_down ? y : header.height - 1 - y;
    decode_row(header, palette, channels, header.pixels.data() + y * stride,
               image.rgb.data() + out_y * header.width * 3);
  }
  return image;
}

// Decodes run lengths: pairs {count, index}. A count of 0 begins an escape: 0 end of row, 1 end of image, 2 a jump, n
// >= 3 that number of plain indices, padded to 16 bits. Pixels beyond the end of a row are dropped.
Result<Picture> decode_runs(const BmpHeader& header) {
  const bool nibbles = header.compression == kRle4;
  const std::array<Color, 256> palette = read_palette(header);
  const Bytes in = header.pixels;
  // Pixels that a jump or an early end leaves out have colour 0 of the palette. check_size() has limited the image.
  Picture image = blank(header.width, header.height);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    std::copy(palette[0].begin(), palette[0].end(), image.rgb.begin() + static_cast<std::ptrdiff_t>(i));
  std::uint64_t x = 0;
  std::uint64_t y = 0;  // from the bottom
  const auto put = [&](std::uint8_t index) {
    if (x < header.width && y < header.height) {
      const std::uint64_t at = ((header.height - 1 - y) * header.width + x) * 3;
      std::copy(palette[index].begin(), palette[index].end(), image.rgb.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ++x;
  };
  const auto nibble = [](std::uint8_t byte, std::size_t i) {
    return static_cast<std::uint8_t>(i % 2 == 0 ? byte >> 4 : byte & 15);
  };
  std::size_t at = 0;
  while (y < header.height) {
    if (in.size() - at < 2) {
      // Some writers omit the end mark after the last pixel.
      if (y + 1 == header.height && x >= header.width) break;
      return bmp_ends_early();
    }
    const std::uint8_t count = in[at];
    const std::uint8_t value = in[at + 1];
    at += 2;
    if (count > 0) {
      for (std::size_t i = 0; i < count; ++i) put(nibbles ? nibble(value, i) : value);
    } else if (value == 0) {
      x = 0;
      ++y;
    } else if (value == 1) {
      break;
    } else if (value == 2) {
      if (in.size() - at < 2) return bmp_ends_early();
      x += in[at];
      y += in[at + 1];
      at += 2;
    } else {
      const std::size_t bytes = nibbles ? (std::size_t{value} + 1) / 2 : value;
      if (in.size() - at < bytes) return bmp_ends_early();
      for (std::size_t i = 0; i < value; ++i) put(nibbles ? nibble(in[at + i / 2], i) : in[at + i]);
      at = std::min(in.size(), at + bytes + bytes % 2);
    }
  }
  return image;
}

}  // namespace

Result<Picture> decode_bmp(Bytes bytes, const PictureLimits& limits) {
  NARROW_ASSIGN(const BmpHeader header, read_bmp_header(bytes, limits));
  return header.compression == kRle8 || header.compression == kRle4 ? decode_runs(header) : decode_plain(header);
}

}  // namespace narrow::image
