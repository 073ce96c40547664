// One reader per image format. decode_picture chooses by the first bytes. A reader receives all bytes of the file,
// checks the header against the limits before it decodes pixels, and refuses files that are broken or end early.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "narrow/image.h"

namespace narrow::image {

using Bytes = std::span<const std::uint8_t>;

// JPEG and PNG: these functions check the structure and rewrite the file from checked segments. Then stb_image decodes
// it.
[[nodiscard]] Result<Picture> decode_jpeg(Bytes bytes, const PictureLimits& limits);
[[nodiscard]] Result<Picture> decode_png(Bytes bytes, const PictureLimits& limits);
// BMP: 1, 4, 8, 16, 24, 32 bits, colour masks, run lengths.
[[nodiscard]] Result<Picture> decode_bmp(Bytes bytes, const PictureLimits& limits);
// PBM, PGM, PPM, plain and raw (P1..P6), any maximum value.
[[nodiscard]] Result<Picture> decode_pnm(Bytes bytes, const PictureLimits& limits);

[[nodiscard]] inline Error broken(const char* format, const std::string& what) {
  return Error{ErrorCode::kMalformed, std::string("broken ") + format + ": " + what, {}};
}
[[nodiscard]] inline Error unsupported(const char* format, const std::string& what) {
  return Error{ErrorCode::kUnsupported,
               std::string(format) + " with " + what + " is not supported; convert the image to PNG",
               {}};
}

enum class Format { kNone, kJpeg, kPng, kBmp, kPnm, kWebp, kTiff, kGif };
// Detected by the first bytes.
[[nodiscard]] Format detect_format(Bytes bytes);

// Whether this build reads the format.
[[nodiscard]] bool can_read(Format format);
// "JPEG, PNG, BMP, PNM, WebP, TIFF or GIF": the formats that this build reads.
[[nodiscard]] std::string readable_formats();
// The name of a format that Narrow never reads, if the file begins as one ("AVIF"); otherwise null.
[[nodiscard]] const char* foreign_format(Bytes bytes);

// Error: a side is zero or too long, or the image has too many pixels.
[[nodiscard]] Status check_size(const char* format, std::uint64_t width, std::uint64_t height,
                                const PictureLimits& limits);

// An image of black pixels.
[[nodiscard]] Picture blank(std::uint64_t width, std::uint64_t height);

[[nodiscard]] inline std::uint32_t big_endian_16(Bytes bytes, std::size_t at) {
  return (std::uint32_t{bytes[at]} << 8) | bytes[at + 1];
}
[[nodiscard]] inline std::uint32_t big_endian_32(Bytes bytes, std::size_t at) {
  return (big_endian_16(bytes, at) << 16) | big_endian_16(bytes, at + 2);
}
[[nodiscard]] inline std::uint32_t little_endian_16(Bytes bytes, std::size_t at) {
  return (std::uint32_t{bytes[at + 1]} << 8) | bytes[at];
}
[[nodiscard]] inline std::uint32_t little_endian_32(Bytes bytes, std::size_t at) {
  return (little_endian_16(bytes, at + 2) << 16) | little_endian_16(bytes, at);
}

}  // namespace narrow::image
