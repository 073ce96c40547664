#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "base/try.h"
#include "importers/files/file.h"
#include "importers/image/formats.h"

namespace narrow {
namespace image {

Status check_size(const char* format, std::uint64_t width, std::uint64_t height, const PictureLimits& limits) {
  if (width == 0 || height == 0) return broken(format, "an image without pixels");
  // Sides are below 2^32, so their product can't overflow.
  const std::uint64_t allowed = limits.max_pixels < 0 ? 0 : static_cast<std::uint64_t>(limits.max_pixels);
  constexpr std::uint64_t kMaxSide = std::uint64_t{1} << 26;
  if (width > kMaxSide || height > kMaxSide || width * height > allowed) {
    return Error{ErrorCode::kLimit,
                 std::string(format) + " of " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels is too large: at most " + std::to_string(allowed) + " pixels are read",
                 {}};
  }
  return {};
}

Picture blank(std::uint64_t width, std::uint64_t height) {
  Picture image{static_cast<int>(width), static_cast<int>(height), {}};
  image.rgb.assign(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 0);
  return image;
}

Format detect_format(Bytes bytes) {
  const auto begins_with = [bytes](std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
  };
  if (begins_with("\xFF\xD8")) return Format::kJpeg;
  if (begins_with("\x89PNG\r\n\x1A\n")) return Format::kPng;
  if (begins_with("BM")) return Format::kBmp;
  const auto is_space = [](std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); };
  if (bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
      (is_space(bytes[2]) || bytes[2] == '#')) {
    return Format::kPnm;
  }
  return Format::kNone;
}

namespace {

// Names the format of a file that Narrow does not read, from its first bytes, for the message.
std::string known_stranger(Bytes bytes) {
  struct Stranger {
    std::string_view magic;
    std::size_t at;
    const char* name;
  };
  constexpr std::array<Stranger, 7> kStrangers{{{"WEBP", 8, "WebP"},
                                                {"GIF8", 0, "GIF"},
                                                {"II*", 0, "TIFF"},
                                                {"MM", 0, "TIFF"},
                                                {"ftypavif", 4, "AVIF"},
                                                {"ftyphei", 4, "HEIF"},
                                                {"jP  ", 4, "JPEG 2000"}}};
  for (const Stranger& stranger : kStrangers) {
    if (bytes.size() >= stranger.at + stranger.magic.size() &&
        std::memcmp(bytes.data() + stranger.at, stranger.magic.data(), stranger.magic.size()) == 0) {
      return std::string(" (it looks like ") + stranger.name + "); convert it to PNG";
    }
  }
  return bytes.empty() ? " (it is empty)" : "";
}

Result<Picture> decode(Bytes bytes, const PictureLimits& limits) {
  switch (detect_format(bytes)) {
    case Format::kJpeg:
      return decode_jpeg(bytes, limits);
    case Format::kPng:
      return decode_png(bytes, limits);
    case Format::kBmp:
      return decode_bmp(bytes, limits);
    case Format::kPnm:
      return decode_pnm(bytes, limits);
    case Format::kNone:
      break;
  }
  return Error{ErrorCode::kMalformed, "not a JPEG, PNG, BMP or PNM image" + known_stranger(bytes), {}};
}

}  // namespace
}  // namespace image

Result<Picture> decode_picture(std::span<const std::byte> bytes, const PictureLimits& limits) {
  if (bytes.size() > limits.max_file_bytes) {
    return Error{ErrorCode::kLimit,
                 "the image takes " + std::to_string(bytes.size()) + " bytes, more than the limit of " +
                     std::to_string(limits.max_file_bytes),
                 {}};
  }
  try {
    // The readers use unsigned char, which may alias anything.
    return image::decode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, limits);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kLimit, "not enough memory to decode the image", {}};
  }
}

Result<Picture> load_picture(const std::filesystem::path& path, const PictureLimits& limits) {
  NARROW_ASSIGN(const std::vector<std::byte> bytes, importers::read_file(path, limits.max_file_bytes));
  Result<Picture> image = decode_picture(bytes, limits);
  if (!image.ok()) {
    Error error = std::move(image).error();
    error.where = path.string();
    return error;
  }
  return image;
}

}  // namespace narrow
