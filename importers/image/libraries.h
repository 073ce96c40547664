// Decoders by libraries that may be absent when Narrow is built (NARROW_IMAGE_LIBRARIES). Each is in a file of its own,
// libraries/NAME.cpp, which is compiled where its library was found.
#pragma once

#include <string>

#include "importers/image/formats.h"

namespace narrow::image {

// One decoder. Null functions: the library was not there.
struct Libraries {
  // A JPEG that jpeg.cpp has rewritten from checked segments; width and height are those of its header.
  Result<Picture> (*jpeg)(Bytes checked, std::uint64_t width, std::uint64_t height) = nullptr;
  const char* jpeg_name = nullptr;  // "libjpeg-turbo 2.1.5"
  // Whole files. They check the size in the header before they decode.
  Result<Picture> (*webp)(Bytes bytes, const PictureLimits& limits) = nullptr;
  Result<Picture> (*tiff)(Bytes bytes, const PictureLimits& limits) = nullptr;
  Result<Picture> (*gif)(Bytes bytes, const PictureLimits& limits) = nullptr;  // the first image
};
[[nodiscard]] const Libraries& libraries();

[[nodiscard]] Result<Picture> decode_with_libjpeg(Bytes checked, std::uint64_t width, std::uint64_t height);
[[nodiscard]] const char* libjpeg_name();
[[nodiscard]] Result<Picture> decode_webp(Bytes bytes, const PictureLimits& limits);
[[nodiscard]] Result<Picture> decode_tiff(Bytes bytes, const PictureLimits& limits);
[[nodiscard]] Result<Picture> decode_gif(Bytes bytes, const PictureLimits& limits);

}  // namespace narrow::image
