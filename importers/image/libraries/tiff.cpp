// TIFF by libtiff: the first image of the file, through the interface that converts any kind of pixels to 8-bit RGB.
#include <tiffio.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/try.h"
#include "importers/image/libraries.h"

namespace narrow::image {
namespace {

struct Source {
  Bytes bytes;
  std::uint64_t at = 0;
  std::string problem;  // libtiff's first error
};

Source& source_of(thandle_t handle) { return *static_cast<Source*>(handle); }

tmsize_t read_source(thandle_t handle, void* out, tmsize_t count) {
  Source& source = source_of(handle);
  if (count < 0 || source.at > source.bytes.size()) return 0;
  const std::size_t taken =
      std::min(static_cast<std::size_t>(count), source.bytes.size() - static_cast<std::size_t>(source.at));
  if (taken != 0) std::memcpy(out, source.bytes.data() + source.at, taken);
  source.at += taken;
  return static_cast<tmsize_t>(taken);
}

tmsize_t write_nothing(thandle_t /*handle*/, void* /*bytes*/, tmsize_t /*count*/) { return -1; }

toff_t seek_source(thandle_t handle, toff_t offset, int whence) {
  Source& source = source_of(handle);
  if (whence == SEEK_CUR) {
    source.at += offset;
  } else {
    source.at = (whence == SEEK_END ? source.bytes.size() : 0) + offset;
  }
  return source.at;
}

int close_source(thandle_t /*handle*/) { return 0; }
toff_t size_of_source(thandle_t handle) { return source_of(handle).bytes.size(); }

[[gnu::format(printf, 4, 0)]] int on_error(TIFF* /*tiff*/, void* user, const char* /*module*/, const char* text,
                                           std::va_list arguments) {
  auto& source = *static_cast<Source*>(user);
  if (!source.problem.empty()) return 1;
  std::array<char, 200> message{};
  std::vsnprintf(message.data(), message.size(), text, arguments);
  source.problem = message.data();
  for (char& c : source.problem) {
    if (c < ' ' || c > '~') c = '?';
  }
  return 1;
}

int on_warning(TIFF* /*tiff*/, void* /*user*/, const char* /*module*/, const char* /*text*/,
               std::va_list /*arguments*/) {
  return 1;
}

struct Close {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
using Tiff = std::unique_ptr<TIFF, Close>;

Tiff open(Source& source, const PictureLimits& limits) {
  const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(TIFFOpenOptionsAlloc(),
                                                                                 TIFFOpenOptionsFree);
  if (!options) return nullptr;
  // No strip, tile or table of the file is larger than all of its pixels, with four channels of 16 bits.
  const auto pixels = static_cast<tmsize_t>(std::max<std::int64_t>(limits.max_pixels, 0));
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), std::max<tmsize_t>(tmsize_t{1} << 20, 8 * pixels));
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &source);
  // m: no memory mapping, which the functions here do not offer.
  return Tiff(TIFFClientOpenExt("image", "rm", &source, read_source, write_nothing, seek_source, close_source,
                                size_of_source, nullptr, nullptr, options.get()));
}

}  // namespace

Result<Picture> decode_tiff(Bytes bytes, const PictureLimits& limits) {
  Source source{bytes, 0, {}};
  const auto failed = [&source] { return broken("TIFF", source.problem.empty() ? "invalid data" : source.problem); };
  const Tiff tiff = open(source, limits);
  if (!tiff) return failed();
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  if (TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width) != 1 ||
      TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height) != 1) {
    return broken("TIFF", "no size");
  }
  NARROW_TRY(check_size("TIFF", width, height, limits));
  std::uint16_t samples = 1;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_SAMPLESPERPIXEL, &samples);
  // A strip or tile beyond the image would take more memory than the image's size allows for.
  const std::uint64_t row_bytes = (std::uint64_t{width} + 4096) * 8 * std::max<std::uint64_t>(samples, 4);
  const std::uint64_t block = TIFFIsTiled(tiff.get()) != 0 ? TIFFTileSize64(tiff.get()) : TIFFStripSize64(tiff.get());
  if (block > row_bytes * (std::uint64_t{height} + 4096)) {
    return Error{ErrorCode::kLimit, "TIFF needs more memory than its size in pixels allows for", {}};
  }
  // Unlike other formats' orientation, that of TIFF is always applied, as in Pillow. libtiff would not turn by 90
  // degrees. Alpha is dropped: colours must not be multiplied with it.
  std::uint16_t orientation = ORIENTATION_TOPLEFT;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_ORIENTATION, &orientation);
  TIFFSetField(tiff.get(), TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  std::uint16_t extra_count = 0;
  std::uint16_t* extra = nullptr;
  TIFFGetFieldDefaulted(tiff.get(), TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
  if (extra_count > 0) {
    const std::vector<std::uint16_t> as_stored(extra_count, EXTRASAMPLE_ASSOCALPHA);
    TIFFSetField(tiff.get(), TIFFTAG_EXTRASAMPLES, extra_count, as_stored.data());
  }
  std::array<char, 1024> reason{};
  if (TIFFRGBAImageOK(tiff.get(), reason.data()) == 0) {
    reason.back() = '\0';
    return unsupported("TIFF", std::string("these pixels (") + reason.data() + ")");
  }
  std::vector<std::uint32_t> raster(std::size_t{width} * height);
  if (TIFFReadRGBAImageOriented(tiff.get(), width, height, raster.data(), ORIENTATION_TOPLEFT, 1) == 0) {
    return failed();
  }
  Picture image = blank(width, height);
  std::uint8_t* out = image.rgb.data();
  for (const std::uint32_t pixel : raster) {
    *out++ = static_cast<std::uint8_t>(TIFFGetR(pixel));
    *out++ = static_cast<std::uint8_t>(TIFFGetG(pixel));
    *out++ = static_cast<std::uint8_t>(TIFFGetB(pixel));
  }
  if (orientation >= 1 && orientation <= 8) image.orientation = orientation;
  return upright(image);
}

}  // namespace narrow::image
