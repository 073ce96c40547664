// GIF by giflib: the first image of the file.
#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <vector>

#include "base/try.h"
#include "importers/image/libraries.h"

namespace narrow::image {
namespace {

struct Source {
  Bytes rest;
};

int read_source(GifFileType* file, GifByteType* out, int count) {
  auto& source = *static_cast<Source*>(file->UserData);
  const std::size_t taken = std::min(source.rest.size(), static_cast<std::size_t>(std::max(count, 0)));
  if (taken != 0) std::memcpy(out, source.rest.data(), taken);
  source.rest = source.rest.subspan(taken);
  return static_cast<int>(taken);
}

struct Close {
  void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
};

Error broken_gif(const GifFileType* file) {
  const char* const reason = file == nullptr ? nullptr : GifErrorString(file->Error);
  return broken("GIF", reason == nullptr ? "invalid data" : reason);
}

// Reads up to the first image. transparent: the colour that its extension names, or -1.
Status find_image(GifFileType* file, int& transparent) {
  while (true) {
    GifRecordType type = UNDEFINED_RECORD_TYPE;
    if (DGifGetRecordType(file, &type) == GIF_ERROR) return broken_gif(file);
    if (type == IMAGE_DESC_RECORD_TYPE) return {};
    if (type == TERMINATE_RECORD_TYPE) return broken("GIF", "no image");
    if (type != EXTENSION_RECORD_TYPE) continue;
    int code = 0;
    GifByteType* block = nullptr;
    if (DGifGetExtension(file, &code, &block) == GIF_ERROR) return broken_gif(file);
    while (block != nullptr) {
      if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4 && (block[1] & 1) != 0) transparent = block[4];
      if (DGifGetExtensionNext(file, &block) == GIF_ERROR) return broken_gif(file);
    }
  }
}

// The rows of an interlaced image, in the order of the file.
std::vector<std::size_t> row_order(std::size_t height, bool interlaced) {
  std::vector<std::size_t> rows;
  rows.reserve(height);
  if (!interlaced) {
    for (std::size_t row = 0; row < height; ++row) rows.push_back(row);
    return rows;
  }
  constexpr std::array<std::array<std::size_t, 2>, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};  // first row, step
  for (const auto& [first, step] : kPasses) {
    for (std::size_t row = first; row < height; row += step) rows.push_back(row);
  }
  return rows;
}

}  // namespace

Result<Picture> decode_gif(Bytes bytes, const PictureLimits& limits) {
  Source source{bytes};
  int code = 0;
  const std::unique_ptr<GifFileType, Close> file(DGifOpen(&source, read_source, &code));
  if (!file) {
    const char* const reason = GifErrorString(code);
    return broken("GIF", reason == nullptr ? "invalid header" : reason);
  }
  int transparent = -1;
  NARROW_TRY(find_image(file.get(), transparent));
  // DGifGetImageDesc allocates nothing that depends on the image's size.
  if (DGifGetImageDesc(file.get()) == GIF_ERROR) return broken_gif(file.get());
  const GifImageDesc& frame = file->Image;
  if (frame.Left < 0 || frame.Top < 0 || frame.Width < 1 || frame.Height < 1) {
    return broken("GIF", "an image without pixels");
  }
  // An image may be larger than its screen, which then grows, as in Pillow.
  const auto width = static_cast<std::uint64_t>(std::max(file->SWidth, frame.Left + frame.Width));
  const auto height = static_cast<std::uint64_t>(std::max(file->SHeight, frame.Top + frame.Height));
  NARROW_TRY(check_size("GIF", width, height, limits));
  const ColorMapObject* const colors = frame.ColorMap != nullptr ? frame.ColorMap : file->SColorMap;
  if (colors == nullptr) return broken("GIF", "no palette");
  std::array<GifColorType, 256> palette{};  // indices beyond the palette are black
  std::copy_n(colors->Colors, std::clamp(colors->ColorCount, 0, 256), palette.begin());

  Picture image = blank(width, height);
  const auto put = [](const GifColorType& color, std::uint8_t* out) {
    out[0] = color.Red;
    out[1] = color.Green;
    out[2] = color.Blue;
  };
  // Around the image there is the transparent colour or else the first one, as in Pillow.
  const GifColorType& around = palette[static_cast<std::size_t>(std::max(transparent, 0))];
  for (std::size_t at = 0; at < image.rgb.size(); at += 3) put(around, image.rgb.data() + at);
  std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
  for (const std::size_t row : row_order(static_cast<std::size_t>(frame.Height), frame.Interlace)) {
    if (DGifGetLine(file.get(), line.data(), frame.Width) == GIF_ERROR) return broken_gif(file.get());
    std::uint8_t* out =
        image.rgb.data() +
        ((static_cast<std::size_t>(frame.Top) + row) * width + static_cast<std::size_t>(frame.Left)) * 3;
    for (const GifPixelType pixel : line) {
      put(palette[pixel], out);
      out += 3;
    }
  }
  return image;
}

}  // namespace narrow::image
