// JPEG by libjpeg or libjpeg-turbo, with the settings that Pillow has: the integer transform and smooth chroma. With
// the same version of the library the pixels are Pillow's.
#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE and size_t
#include <vector>

// After <cstdio>.
#include <jpeglib.h>
// After <jpeglib.h>.
#include <jerror.h>

#include "importers/image/libraries.h"

namespace narrow::image {
namespace {

// libjpeg leaves a function by longjmp, which runs no destructor. So everything here is plain data, and the memory for
// pixels is allocated outside.
struct Decoding {
  jpeg_decompress_struct info;
  jpeg_error_mgr errors;
  std::jmp_buf escape;
  char message[JMSG_LENGTH_MAX];
  bool out_of_memory;
};

Decoding& decoding_of(j_common_ptr info) { return *static_cast<Decoding*>(info->client_data); }

[[noreturn]] void fail(j_common_ptr info) {
  Decoding& decoding = decoding_of(info);
  (*info->err->format_message)(info, decoding.message);
  const int code = info->err->msg_code;
  decoding.out_of_memory = code == JERR_OUT_OF_MEMORY || code == JERR_NO_BACKING_STORE || code == JERR_TFILE_CREATE;
  std::longjmp(decoding.escape, 1);
}

// libjpeg warns of damaged pixels and goes on with gray ones. An image of which a part is missing is an error here.
void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
      fail(info);
    default:
      return;  // bytes between segments, unknown versions: no pixel depends on them
  }
}

void ignore_output(j_common_ptr /*info*/) {}

// Pillow's conversion. Files hold inverted CMYK, as Adobe's programs write it, whether they say so or not.
void rgb_of_inverted_cmyk(const std::uint8_t* cmyk, std::size_t pixels, std::uint8_t* rgb) {
  for (; pixels > 0; --pixels, cmyk += 4, rgb += 3) {
    const unsigned black = cmyk[3];
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned product = (255U - cmyk[c]) * black + 128U;
      rgb[c] = static_cast<std::uint8_t>(black - ((product + (product >> 8)) >> 8));
    }
  }
}

// row: [width, 4], for CMYK. Returns false if the image is broken, with decoding.message.
bool run(Decoding& decoding, Bytes checked, std::uint64_t width, std::uint64_t height, std::uint8_t* row,
         std::uint8_t* out) {
  decoding.info.err = jpeg_std_error(&decoding.errors);
  decoding.errors.error_exit = fail;
  decoding.errors.emit_message = on_message;
  decoding.errors.output_message = ignore_output;
  decoding.info.client_data = &decoding;
  if (setjmp(decoding.escape) != 0) {
    jpeg_destroy_decompress(&decoding.info);
    return false;
  }
  jpeg_create_decompress(&decoding.info);
  // Coefficients of four components of 16 bits, with their padding to blocks, and tables.
  decoding.info.mem->max_memory_to_use =
      static_cast<long>((std::size_t{16} << 20) + 16 * static_cast<std::size_t>((width + 64) * (height + 64)));
  jpeg_mem_src(&decoding.info, const_cast<unsigned char*>(checked.data()), static_cast<unsigned long>(checked.size()));
  jpeg_read_header(&decoding.info, TRUE);
  const bool cmyk = decoding.info.num_components == 4;
  decoding.info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&decoding.info);
  const bool sound = decoding.info.output_width == width && decoding.info.output_height == height &&
                     decoding.info.output_components == (cmyk ? 4 : 3);
  while (sound && decoding.info.output_scanline < decoding.info.output_height) {
    std::uint8_t* const line = out + std::size_t{decoding.info.output_scanline} * static_cast<std::size_t>(width) * 3;
    JSAMPROW target = cmyk ? row : line;
    jpeg_read_scanlines(&decoding.info, &target, 1);
    if (cmyk) rgb_of_inverted_cmyk(row, static_cast<std::size_t>(width), line);
  }
  if (sound) jpeg_finish_decompress(&decoding.info);
  jpeg_destroy_decompress(&decoding.info);
  return sound;
}

// The version as text: a macro of libjpeg-turbo that is no string.
#define NARROW_TEXT_OF(value) #value
#define NARROW_TEXT(value) NARROW_TEXT_OF(value)

}  // namespace

Result<Picture> decode_with_libjpeg(Bytes checked, std::uint64_t width, std::uint64_t height) {
  Picture image = blank(width, height);
  std::vector<std::uint8_t> row(static_cast<std::size_t>(width) * 4);
  Decoding decoding{};
  if (run(decoding, checked, width, height, row.data(), image.rgb.data())) return image;
  if (decoding.out_of_memory) {
    return Error{ErrorCode::kLimit, "JPEG needs more memory than its size in pixels allows for", {}};
  }
  return broken("JPEG", decoding.message[0] != '\0' ? decoding.message : "it decodes to another size");
}

const char* libjpeg_name() {
#ifdef LIBJPEG_TURBO_VERSION
  return "libjpeg-turbo " NARROW_TEXT(LIBJPEG_TURBO_VERSION);
#else
  return "libjpeg " NARROW_TEXT(JPEG_LIB_VERSION);
#endif
}

}  // namespace narrow::image
