#include "importers/image/libraries.h"

namespace narrow::image {

const Libraries& libraries() {
  static const Libraries all = [] {
    Libraries present;
#ifdef NARROW_WITH_JPEG
    present.jpeg = decode_with_libjpeg;
    present.jpeg_name = libjpeg_name();
#endif
#ifdef NARROW_WITH_WEBP
    present.webp = decode_webp;
#endif
#ifdef NARROW_WITH_TIFF
    present.tiff = decode_tiff;
#endif
#ifdef NARROW_WITH_GIF
    present.gif = decode_gif;
#endif
    return present;
  }();
  return all;
}

}  // namespace narrow::image
