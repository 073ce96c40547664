// The only place that sees stb_image.
#pragma once

#include "importers/image/formats.h"

namespace narrow::image {

// Decodes a JPEG or PNG that our own readers have rewritten from checked parts, `width` x `height` by its header.
// stb_image trusts its input more than it should (counts of a Huffman table, palette indices, sizes of a zlib stream,
// memory it never wrote), so its memory is zeroed and bounded by what a picture of that size can need.
[[nodiscard]] Result<Picture> decode_with_stb(const char* format, Bytes checked, std::uint64_t width,
                                              std::uint64_t height);

}  // namespace narrow::image
