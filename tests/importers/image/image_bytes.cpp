#include "tests/importers/image/image_bytes.h"

#include <cstdlib>

namespace narrow::testing {

const std::vector<PictureGolden>& picture_goldens() {
  static const std::vector<PictureGolden> all{
#include "tests/golden/image_golden.inc"
  };
  return all;
}

const PictureGolden& picture_golden(std::string_view name) {
  for (const PictureGolden& golden : picture_goldens()) {
    if (golden.name == name) return golden;
  }
  std::abort();
}

}  // namespace narrow::testing
