#include "tests/importers/image/image_bytes.h"

#include <cstdlib>

namespace narrow::testing {

const std::vector<ImageGolden>& image_goldens() {
  static const std::vector<ImageGolden> all{
#include "tests/golden/image_golden.inc"
  };
  return all;
}

const ImageGolden& image_golden(std::string_view name) {
  for (const ImageGolden& golden : image_goldens()) {
    if (golden.name == name) return golden;
  }
  std::abort();
}

}  // namespace narrow::testing
