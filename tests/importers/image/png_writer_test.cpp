// Images that Narrow writes.
#include <doctest/doctest.h>

#include <cstdint>

#include "narrow/image.h"

using narrow::decode_picture;
using narrow::encode_png;
using narrow::Picture;

TEST_CASE("a PNG that is written is decoded to the same pixels") {
  for (const auto& size : {std::pair(1, 1), std::pair(7, 3), std::pair(64, 48)}) {
    const int width = size.first, height = size.second;
    CAPTURE(width);
    Picture image;
    image.width = width;
    image.height = height;
    for (int i = 0; i < width * height * 3; ++i) {
      image.rgb.push_back(static_cast<std::uint8_t>(i % 11 == 0 ? 255 : i * i / 7));
    }
    const auto png = encode_png(image);
    REQUIRE(png.ok());
    const auto decoded = decode_picture(*png);
    REQUIRE(decoded.ok());
    CHECK(decoded->width == width);
    CHECK(decoded->height == height);
    CHECK(decoded->rgb == image.rgb);
  }
}

TEST_CASE("an image of another size than its pixels is not written") {
  Picture image;
  image.width = 2;
  image.height = 2;
  image.rgb.resize(11);
  CHECK_FALSE(encode_png(image).ok());
  image.rgb.clear();
  image.width = image.height = 0;
  CHECK_FALSE(encode_png(image).ok());
}
