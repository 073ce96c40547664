// WebP by libwebp. Of an animation the first image is taken.
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/try.h"
#include "importers/image/exif.h"
#include "importers/image/libraries.h"

namespace narrow::image {
namespace {

// The chunk of this name in the RIFF file; empty if there is none.
Bytes find_chunk(Bytes bytes, std::string_view name) {
  constexpr std::size_t kHeaderBytes = 12;
  for (std::size_t at = kHeaderBytes; bytes.size() - at >= 8;) {
    const std::size_t size = little_endian_32(bytes, at + 4);
    if (size > bytes.size() - at - 8) break;
    if (std::memcmp(bytes.data() + at, name.data(), name.size()) == 0) return bytes.subspan(at + 8, size);
    const std::size_t padded = size + size % 2;
    if (padded > bytes.size() - at - 8) break;
    at += 8 + padded;
  }
  return {};
}

Result<Picture> first_of_animation(Bytes bytes, const PictureLimits& limits) {
  const WebPData data{bytes.data(), bytes.size()};
  WebPAnimDecoderOptions options;
  if (WebPAnimDecoderOptionsInit(&options) == 0) return Error{ErrorCode::kInternal, "another version of libwebp", {}};
  options.color_mode = MODE_RGBA;
  options.use_threads = 0;
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> decoder(WebPAnimDecoderNew(&data, &options),
                                                                                   WebPAnimDecoderDelete);
  WebPAnimInfo info;
  if (!decoder || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0) return broken("WebP", "no animation");
  NARROW_TRY(check_size("WebP", info.canvas_width, info.canvas_height, limits));
  std::uint8_t* canvas = nullptr;
  int timestamp = 0;
  if (WebPAnimDecoderGetNext(decoder.get(), &canvas, &timestamp) == 0) return broken("WebP", "invalid pixels");
  Picture image = blank(info.canvas_width, info.canvas_height);
  for (std::size_t from = 0, to = 0; to < image.rgb.size(); from += 4, to += 3) {
    std::memcpy(image.rgb.data() + to, canvas + from, 3);
  }
  return image;
}

}  // namespace

Result<Picture> decode_webp(Bytes bytes, const PictureLimits& limits) {
  WebPBitstreamFeatures features;
  constexpr std::size_t kRiffHeaderBytes = 8;
  if (bytes.size() < 2 * kRiffHeaderBytes || little_endian_32(bytes, 4) > bytes.size() - kRiffHeaderBytes) {
    return broken("WebP", "the file ends early");
  }
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status != VP8_STATUS_OK) {
    return broken("WebP", status == VP8_STATUS_NOT_ENOUGH_DATA ? "the file ends early" : "invalid header");
  }
  NARROW_TRY(check_size("WebP", static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height),
                        limits));
  Picture image;
  if (features.has_animation != 0) {
    NARROW_ASSIGN(image, first_of_animation(bytes, limits));
  } else {
    image = blank(static_cast<std::uint64_t>(features.width), static_cast<std::uint64_t>(features.height));
    if (WebPDecodeRGBInto(bytes.data(), bytes.size(), image.rgb.data(), image.rgb.size(), image.width * 3) == nullptr) {
      return broken("WebP", "invalid pixels, or the file ends early");
    }
  }
  image.orientation = exif_orientation_after_name(find_chunk(bytes, "EXIF"));
  return image;
}

}  // namespace narrow::image
