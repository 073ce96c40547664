// The only file that uses stb_image.
#pragma once

#include "importers/image/formats.h"

namespace narrow::image {

// Decodes a JPEG or PNG that Narrow's readers have rewritten from checked segments. width, height: those of its header.
// stb_image trusts its input too much (counts of a Huffman table, palette indices, sizes of a zlib stream, memory that
// it never wrote). Therefore its memory is zeroed and limited to the needs of an image of this size.
[[nodiscard]] Result<Picture> decode_with_stb(const char* format, Bytes checked, std::uint64_t width,
                                              std::uint64_t height);

}  // namespace narrow::image
