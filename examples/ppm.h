// Reads binary PPM images, so that the examples need no image library. A product has pixels from elsewhere, or links
// narrow::narrow, whose narrow/image.h decodes JPEG, PNG and others.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "narrow/preprocess.h"

inline narrow::Picture read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string magic;
  narrow::Picture image;
  int most = 0;
  file >> magic >> image.width >> image.height >> most;
  file.get();
  image.rgb.assign(std::istreambuf_iterator<char>(file), {});
  const auto needed = std::int64_t{3} * image.width * image.height;
  if (magic != "P6" || most != 255 || static_cast<std::int64_t>(image.rgb.size()) != needed) {
    throw std::runtime_error(path + " is no binary PPM image of 8 bits without comments");
  }
  return image;
}
