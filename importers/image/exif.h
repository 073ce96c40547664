// The orientation that an image's metadata states.
#pragma once

#include "importers/image/formats.h"

namespace narrow::image {

// EXIF's Orientation (1..8) of a TIFF structure: what follows "Exif\0\0" in a JPEG's APP1 segment, a PNG's eXIf chunk
// or a WebP's EXIF chunk. 1 where it is damaged or states none.
[[nodiscard]] int exif_orientation(Bytes tiff);
// The same where "Exif\0\0" may stand before the TIFF structure.
[[nodiscard]] int exif_orientation_after_name(Bytes exif);

}  // namespace narrow::image
