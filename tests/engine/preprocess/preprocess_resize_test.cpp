// Resampling against what Pillow and OpenCV make of the same images (tests/golden/make_resize_golden.py,
// make_opencv_golden.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include "engine/preprocess/preprocess_resize.h"
#include "tests/support/data.h"
#include "tests/support/hash.h"

namespace {

using narrow::Interpolation;
using narrow::Picture;
using narrow::engine::PixelBox;
using narrow::engine::resize_box;
using narrow::testing::fnv1a;

struct Golden {
  int width, height, kind, to_width, to_height;
  int first, last;          // bytes of bilinear
  std::uint64_t hashes[6];  // of kAll
};

constexpr Interpolation kAll[] = {Interpolation::kBilinear, Interpolation::kNearest, Interpolation::kBicubic,
                                  Interpolation::kArea,     Interpolation::kLanczos, Interpolation::kHamming};

constexpr Golden kGolden[] = {
#include "tests/golden/resize_golden.inc"
};

struct OpenCvGolden {
  int width, height, kind, to_width, to_height;
  std::string_view bytes[3];  // in hexadecimal; of kPlain
};

constexpr Interpolation kPlain[] = {Interpolation::kBilinear, Interpolation::kBicubic, Interpolation::kArea};

constexpr OpenCvGolden kOpenCvGolden[] = {
#include "tests/golden/opencv_golden.inc"
};

// The same bytes as `picture()` in make_resize_golden.py.
Picture synthetic(int width, int height, int kind) {
  Picture image{width, height, {}};
  std::uint64_t state = static_cast<std::uint64_t>(width) * 1000003 + static_cast<std::uint64_t>(height) * 10007 +
                        static_cast<std::uint64_t>(kind) * 101 + 1;
  image.rgb.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
  for (std::size_t i = 0; i < image.rgb.size(); ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    std::uint64_t byte = state >> 56;
    if (kind == 1) {
      byte = (byte & 128) != 0 ? 255 : 0;
    } else if (kind == 2) {
      byte = i / 3 * 7 + i % 3 * 31 + (byte & 3);
    }
    image.rgb[i] = static_cast<std::uint8_t>(byte);
  }
  return image;
}

Picture resized(const Picture& image, int width, int height, Interpolation interpolation, bool antialias = true) {
  return resize_box(image, width, height, {0, 0, width, height}, interpolation, antialias).value();
}

int hex_byte(std::string_view text, std::size_t index) {
  return std::stoi(std::string(text.substr(2 * index, 2)), nullptr, 16);
}

}  // namespace

TEST_CASE("resizing equals Pillow byte for byte") {
  for (const Golden& golden : kGolden) {
    CAPTURE(golden.width);
    CAPTURE(golden.height);
    CAPTURE(golden.kind);
    CAPTURE(golden.to_width);
    CAPTURE(golden.to_height);
    const Picture image = synthetic(golden.width, golden.height, golden.kind);
    const Picture bilinear = resized(image, golden.to_width, golden.to_height, Interpolation::kBilinear);
    CHECK(bilinear.width == golden.to_width);
    CHECK(bilinear.height == golden.to_height);
    CHECK(int{bilinear.rgb.front()} == golden.first);
    CHECK(int{bilinear.rgb.back()} == golden.last);
    for (std::size_t i = 0; i < std::size(kAll); ++i) {
      CAPTURE(to_string(kAll[i]));
      CHECK(fnv1a(resized(image, golden.to_width, golden.to_height, kAll[i]).rgb) == golden.hashes[i]);
    }
  }
}

TEST_CASE("resizing without antialiasing is within one level of OpenCV") {
  for (const OpenCvGolden& golden : kOpenCvGolden) {
    CAPTURE(golden.width);
    CAPTURE(golden.height);
    CAPTURE(golden.kind);
    CAPTURE(golden.to_width);
    CAPTURE(golden.to_height);
    const Picture image = synthetic(golden.width, golden.height, golden.kind);
    for (std::size_t i = 0; i < std::size(kPlain); ++i) {
      CAPTURE(to_string(kPlain[i]));
      const Picture result = resized(image, golden.to_width, golden.to_height, kPlain[i], false);
      REQUIRE(result.rgb.size() * 2 == golden.bytes[i].size());
      int largest = 0;
      for (std::size_t at = 0; at < result.rgb.size(); ++at) {
        largest = std::max(largest, std::abs(int{result.rgb[at]} - hex_byte(golden.bytes[i], at)));
      }
      CHECK(largest <= 1);
    }
  }
}

TEST_CASE("resizing only a box gives the same pixels as resizing everything") {
  std::mt19937 random(narrow::testing::seed());
  const auto pick = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  for (int round = 0; round < 200; ++round) {
    const Picture image = synthetic(pick(1, 60), pick(1, 60), round % 3);
    const int width = pick(1, 60);
    const int height = pick(1, 60);
    const PixelBox box{pick(0, width - 1), pick(0, height - 1), 1, 1};
    const PixelBox larger{box.left, box.top, pick(1, width - static_cast<int>(box.left)),
                          pick(1, height - static_cast<int>(box.top))};
    for (std::size_t i = 0; i < std::size(kAll) + std::size(kPlain); ++i) {
      const bool antialias = i < std::size(kAll);
      const Interpolation interpolation = antialias ? kAll[i] : kPlain[i - std::size(kAll)];
      const Picture whole = resized(image, width, height, interpolation, antialias);
      const Picture part = resize_box(image, width, height, larger, interpolation, antialias).value();
      REQUIRE(part.width == larger.width);
      REQUIRE(part.height == larger.height);
      bool equal = true;
      for (std::int64_t y = 0; y < larger.height; ++y) {
        for (std::int64_t x = 0; x < larger.width * 3; ++x) {
          const auto in_part = static_cast<std::size_t>(y * larger.width * 3 + x);
          const auto in_whole = static_cast<std::size_t>(((y + larger.top) * width + larger.left) * 3 + x);
          equal = equal && part.rgb[in_part] == whole.rgb[in_whole];
        }
      }
      CHECK(equal);
    }
  }
}

TEST_CASE("resizing an image of one colour keeps it") {
  for (const int value : {0, 1, 127, 128, 254, 255}) {
    Picture image{61, 37, {}};
    image.rgb.assign(61 * 37 * 3, static_cast<std::uint8_t>(value));
    for (const int side : {1, 2, 31, 37, 61, 200}) {
      for (const Interpolation interpolation : kAll) {
        for (const bool antialias : {true, false}) {
          if (!antialias && (interpolation == Interpolation::kLanczos || interpolation == Interpolation::kHamming))
            continue;
          const Picture result = resized(image, side, side + 1, interpolation, antialias);
          CHECK(
              std::all_of(result.rgb.begin(), result.rgb.end(), [value](std::uint8_t byte) { return byte == value; }));
        }
      }
    }
  }
}

TEST_CASE("a resized side beyond the limit is an error that names the sizes") {
  const Picture image = synthetic(1, 20000, 0);
  const std::int64_t height = std::int64_t{8192} * 20000;
  const auto result = resize_box(image, 8192, height, {0, 0, 8, 8}, Interpolation::kBilinear, true);
  REQUIRE(!result.ok());
  CHECK(result.error().code == narrow::ErrorCode::kLimit);
  CHECK(result.error().message.find("1 x 20000") != std::string::npos);
}
