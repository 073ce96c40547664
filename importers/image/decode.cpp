#include <array>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>
#include <vector>

#include "base/next_step.h"
#include "base/try.h"
#include "importers/files/file.h"
#include "importers/image/formats.h"
#include "importers/image/libraries.h"

namespace narrow::image {

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

namespace {

bool has_at(Bytes bytes, std::size_t at, std::string_view magic) {
  return bytes.size() >= at + magic.size() && std::memcmp(bytes.data() + at, magic.data(), magic.size()) == 0;
}

const char* name_of(Format format) {
  switch (format) {
    case Format::kJpeg:
      return "JPEG";
    case Format::kPng:
      return "PNG";
    case Format::kBmp:
      return "BMP";
    case Format::kPnm:
      return "PNM";
    case Format::kWebp:
      return "WebP";
    case Format::kTiff:
      return "TIFF";
    case Format::kGif:
      return "GIF";
    case Format::kNone:
      break;
  }
  return "unknown";
}

constexpr std::array kFormats{Format::kJpeg, Format::kPng,  Format::kBmp, Format::kPnm,
                              Format::kWebp, Format::kTiff, Format::kGif};

using Decode = Result<Picture> (*)(Bytes bytes, const PictureLimits& limits);

Decode decoder_of(Format format) {
  switch (format) {
    case Format::kJpeg:
      return decode_jpeg;
    case Format::kPng:
      return decode_png;
    case Format::kBmp:
      return decode_bmp;
    case Format::kPnm:
      return decode_pnm;
    case Format::kWebp:
      return libraries().webp;
    case Format::kTiff:
      return libraries().tiff;
    case Format::kGif:
      return libraries().gif;
    case Format::kNone:
      break;
  }
  return nullptr;
}

}  // namespace

Format detect_format(Bytes bytes) {
  if (has_at(bytes, 0, "\xFF\xD8")) return Format::kJpeg;
  if (has_at(bytes, 0, "\x89PNG\r\n\x1A\n")) return Format::kPng;
  if (has_at(bytes, 0, "BM")) return Format::kBmp;
  if (has_at(bytes, 0, "RIFF") && has_at(bytes, 8, "WEBP")) return Format::kWebp;
  if (has_at(bytes, 0, "GIF87a") || has_at(bytes, 0, "GIF89a")) return Format::kGif;
  constexpr std::size_t kMagicBytes = 4;  // the order of bytes, then 42, or 43 for files beyond 4 GiB
  for (const char* magic : {"II*\0", "MM\0*", "II+\0", "MM\0+"}) {
    if (has_at(bytes, 0, {magic, kMagicBytes})) return Format::kTiff;
  }
  const auto is_space = [](std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); };
  if (bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
      (is_space(bytes[2]) || bytes[2] == '#')) {
    return Format::kPnm;
  }
  return Format::kNone;
}

bool can_read(Format format) { return decoder_of(format) != nullptr; }

std::string readable_formats() {
  std::vector<std::string> names;
  for (const Format format : kFormats) {
    if (can_read(format)) names.emplace_back(name_of(format));
  }
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    text += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  }
  return text;
}

const char* foreign_format(Bytes bytes) {
  struct Foreign {
    std::string_view magic;
    std::size_t at;
    const char* name;
  };
  constexpr std::array<Foreign, 8> kForeign{{{"ftypavif", 4, "AVIF"},
                                             {"ftypavis", 4, "AVIF"},
                                             {"ftyphei", 4, "HEIF"},
                                             {"ftypmif1", 4, "HEIF"},
                                             {"jP  ", 4, "JPEG 2000"},
                                             {"\xFF\x4F\xFF\x51", 0, "JPEG 2000"},
                                             {"\xFF\x0A", 0, "JPEG XL"},
                                             {"8BPS", 0, "Photoshop"}}};
  for (const Foreign& foreign : kForeign) {
    if (has_at(bytes, foreign.at, foreign.magic)) return foreign.name;
  }
  return nullptr;
}

namespace {

Result<Picture> decode(Bytes bytes, const PictureLimits& limits) {
  const Format format = detect_format(bytes);
  if (format == Format::kNone) {
    const char* const foreign = foreign_format(bytes);
    return Error{ErrorCode::kMalformed,
                 "not a " + readable_formats() + " image" +
                     (foreign != nullptr ? std::string(" (it looks like ") + foreign + "); convert it to PNG"
                      : bytes.empty()    ? " (it is empty)"
                                         : ""),
                 {}};
  }
  const Decode decoder = decoder_of(format);
  if (decoder == nullptr) {
    return Error{ErrorCode::kUnsupported,
                 std::string("this Narrow was built without a library that reads ") + name_of(format) +
                     "; convert the image to PNG",
                 {}};
  }
  return decoder(bytes, limits);
}

}  // namespace
}  // namespace narrow::image

namespace narrow {
inline namespace v0 {

std::vector<ImageFormat> image_formats() {
  const image::Libraries& present = image::libraries();
  std::vector<ImageFormat> formats;
  for (const image::Format format : image::kFormats) {
    std::string decoder;
    if (format == image::Format::kJpeg && present.jpeg != nullptr) {
      decoder = present.jpeg_name;
    } else if (format == image::Format::kJpeg || format == image::Format::kPng) {
      decoder = "stb_image";
    } else if (format == image::Format::kBmp || format == image::Format::kPnm) {
      decoder = "narrow";
    } else if (image::can_read(format)) {
      decoder = format == image::Format::kWebp ? "libwebp" : format == image::Format::kTiff ? "libtiff" : "giflib";
    }
    formats.push_back({image::name_of(format), std::move(decoder)});
  }
  return formats;
}

Result<Picture> decode_picture(std::span<const std::byte> bytes, const PictureLimits& limits) {
  constexpr base::NextSteps kNextSteps{"copy or download the image again, or save it again",
                                       "make the image smaller (the limits are PictureLimits)"};
  if (bytes.size() > limits.max_file_bytes) {
    return base::with_next_step(Error{ErrorCode::kLimit,
                                      "the image takes " + std::to_string(bytes.size()) +
                                          " bytes, more than the limit of " + std::to_string(limits.max_file_bytes),
                                      {}},
                                kNextSteps);
  }
  try {
    // The readers use unsigned char, which may alias anything.
    return base::with_next_step(
        image::decode({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, limits), kNextSteps);
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

}  // namespace v0
}  // namespace narrow
