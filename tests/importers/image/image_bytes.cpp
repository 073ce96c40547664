#include "tests/importers/image/image_bytes.h"

#include <cstdlib>

namespace narrow::testing {

const std::vector<ImageGolden>& image_goldens() {
  static const std::vector<ImageGolden> all{
#include "tests/golden/image_golden.inc"
  };
  return all;
}

namespace {

// What decodes the image: its name begins with that of its format.
std::string decoder_of(const ImageGolden& golden) {
  std::string begin(golden.name);
  begin = begin.substr(0, begin.find('_'));
  if (begin == "ppm" || begin == "pgm" || begin == "pbm") begin = "pnm";
  for (const ImageFormat& format : image_formats()) {
    std::string name = format.name;
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (name == begin) return format.decoder;
  }
  std::abort();
}

}  // namespace

bool is_readable(const ImageGolden& golden) { return !decoder_of(golden).empty(); }

bool has_decoder_of_pillow(const ImageGolden& golden) {
  const std::string decoder = decoder_of(golden);
  return !std::string_view(golden.name).starts_with("jpeg") || decoder.starts_with("libjpeg-turbo 2.1");
}

const ImageGolden& image_golden(std::string_view name) {
  for (const ImageGolden& golden : image_goldens()) {
    if (golden.name == name) return golden;
  }
  std::abort();
}

}  // namespace narrow::testing
