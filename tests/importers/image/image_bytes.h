// Image files as bytes, for the tests of this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narrow/image.h"

namespace narrow::testing {

struct ImageGolden {
  const char* name;
  std::uint64_t hash;  // FNV-1a of the RGB bytes
  double means[3];
  int orientation;
  std::vector<std::uint8_t> file;
};

// Whether this build decodes the image, and whether it does so with the library that Pillow has.
[[nodiscard]] bool is_readable(const ImageGolden& golden);
[[nodiscard]] bool has_decoder_of_pillow(const ImageGolden& golden);

// Images of 17 x 11 made by Pillow (tests/golden/make_image_golden.py).
[[nodiscard]] const std::vector<ImageGolden>& image_goldens();
[[nodiscard]] const ImageGolden& image_golden(std::string_view name);

[[nodiscard]] inline Result<Picture> decode(const std::vector<std::uint8_t>& bytes, const PictureLimits& limits = {}) {
  return decode_picture(std::as_bytes(std::span(bytes)), limits);
}
[[nodiscard]] inline Result<Picture> decode(std::string_view bytes, const PictureLimits& limits = {}) {
  return decode_picture(std::as_bytes(std::span(bytes)), limits);
}

template <class Bytes>
void write_file(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream stream(path, std::ios::binary);
  for (const auto byte : bytes) stream.put(static_cast<char>(byte));
}

// A PPM of one pixel whose red is `red`.
[[nodiscard]] inline std::string one_pixel(char red) { return std::string("P6 1 1 255\n") + red + "gb"; }

}  // namespace narrow::testing
