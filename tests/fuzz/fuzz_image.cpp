// Fuzzes decoding of images of every format, and the preprocessing of what comes out.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "narrow/image.h"
#include "tests/fuzz/fuzz.h"
#include "tests/importers/image/image_bytes.h"

namespace {

// Pixels enough for every mistake about sizes, few enough to be quick.
constexpr narrow::PictureLimits kLimits{50'000, 1 << 20};

void check(bool promise) {
  if (!promise) std::abort();
}

void exercise(const std::vector<std::uint8_t>& bytes) {
  const auto image = narrow::testing::decode(bytes, kLimits);
  if (!image.ok()) {
    check(!image.error().message.empty());
    return;
  }
  check(image->width > 0 && image->height > 0);
  const std::int64_t pixels = std::int64_t{image->width} * image->height;
  check(pixels <= kLimits.max_pixels);
  check(image->rgb.size() == static_cast<std::size_t>(pixels) * 3);
  // The same bytes give the same pixels: nothing comes from memory that was never written.
  check(narrow::testing::decode(bytes, kLimits)->rgb == image->rgb);
  auto preprocessing = narrow::preprocessing_preset("cifar10").value();
  std::array<float, 32 * 32 * 3> input{};
  check(narrow::preprocess(*image, preprocessing, input).ok());
  preprocessing.resize.reset();
  check(narrow::preprocess(*image, preprocessing, input).ok());
}

// Random changes do not get past the checksums of PNG; with those repaired they do.
void repair_png_checksums(std::vector<std::uint8_t>& bytes) {
  for (std::size_t at = 8; at + 12 <= bytes.size();) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8 | bytes[at + i];
    if (length > bytes.size() - at - 12) return;
    std::uint32_t crc = 0xFFFFFFFFU;
    for (std::size_t i = at + 4; i < at + 8 + length; ++i) {
      crc ^= bytes[i];
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<std::uint8_t>(~crc >> (24 - 8 * i));
    at += length + 12;
  }
}

}  // namespace

std::vector<std::string> narrow::testing::fuzz_seeds() {
  static const std::vector<ImageGolden> goldens{
#include "tests/golden/image_golden.inc"
  };
  std::vector<std::string> seeds{"P3 2 1 5\n5 0 1 0 5 2\n", "P2 2 2 9\n1 2 3 4\n", "P1 3 1 101\n"};
  for (const ImageGolden& golden : goldens) seeds.emplace_back(golden.file.begin(), golden.file.end());
  return seeds;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);
  exercise(bytes);
  if (size > 8 && std::memcmp(data, "\x89PNG", 4) == 0) {
    repair_png_checksums(bytes);
    exercise(bytes);
  }
  return 0;
}
