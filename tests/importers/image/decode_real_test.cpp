// Decoding of files that Pillow is tested with, against what Pillow makes of them (INDEX.tsv beside them), and of real
// data sets.
#include <doctest/doctest.h>

#include <array>
#include <bit>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/importers/image/image_bytes.h"
#include "tests/support/data.h"

namespace {

using narrow::Picture;

// The first 16 hex digits of the SHA-256 (FIPS 180-4) of `bytes`.
std::string sha256_start(std::vector<std::uint8_t> bytes) {
  // The constants are the fractions of roots of the first primes.
  std::array<std::uint32_t, 64> k{};
  std::array<std::uint32_t, 8> h{};
  const auto fraction = [](long double root) {
    return static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
  };
  std::size_t found = 0;
  for (int n = 2; found < 64; ++n) {
    bool prime = true;
    for (int d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
    if (!prime) continue;
    k[found] = fraction(std::cbrt(static_cast<long double>(n)));
    if (found < 8) h[found] = fraction(std::sqrt(static_cast<long double>(n)));
    ++found;
  }
  const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
  bytes.push_back(0x80);
  while (bytes.size() % 64 != 56) bytes.push_back(0);
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(bits >> shift));
  for (std::size_t at = 0; at < bytes.size(); at += 64) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 64; ++i) w[i / 4] |= std::uint32_t{bytes[at + i]} << (24 - 8 * (i % 4));
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t a = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ (w[i - 15] >> 3);
      const std::uint32_t b = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + a + w[i - 7] + b;
    }
    std::array<std::uint32_t, 8> s = h;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t e = std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25);
      const std::uint32_t t1 = s[7] + e + ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
      const std::uint32_t a = std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22);
      const std::uint32_t t2 = a + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
      s = {t1 + t2, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
    }
    for (std::size_t i = 0; i < 8; ++i) h[i] += s[i];
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%08x%08x", h[0], h[1]);
  return text;
}

// Where we differ from Pillow on purpose, or can't do better.
const std::map<std::string, const char*>& known_differences() {
  static const std::map<std::string, const char*> all{
      {"16_bit_binary.pgm", "Pillow clips 16-bit gray at 255 instead of scaling it"},
      {"hopper_16bit.pgm", "Pillow clips 16-bit gray at 255 instead of scaling it"},
      {"hopper_16bit_plain.pgm", "Pillow clips 16-bit gray at 255 instead of scaling it"},
      {"i_trns.png", "Pillow clips 16-bit gray at 255 instead of scaling it"},
      {"hopper_bad_exif.jpg", "damaged pixels: Pillow shows gray ones, we refuse"},
      {"png_decompression_dos.png", "the bomb is in a text chunk, which we never inflate"},
      {"truncated_exif_dpi.jpg", "only its EXIF is broken, which we never read"},
  };
  return all;
}

// The same where stb_image decodes JPEG.
const std::map<std::string, const char*>& known_differences_of_stb() {
  static const std::map<std::string, const char*> all{
      {"app13.jpg", "4 x 4 pixels: another filter enlarges the chroma"},
  };
  return all;
}

bool reads(const std::string& name) {
  for (const narrow::ImageFormat& format : narrow::image_formats()) {
    if (format.name == name) return !format.decoder.empty();
  }
  return false;
}

std::vector<std::string> columns(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream stream(line);
  for (std::string column; std::getline(stream, column, '\t');) all.push_back(column);
  all.resize(9);
  return all;
}

// Whether `image` is what the last column of INDEX.tsv says: a hash, or the means of the channels.
bool agrees(const Picture& image, const std::string& expected) {
  if (!expected.starts_with("mean=")) return sha256_start(image.rgb) == expected;
  std::array<double, 3> sums{};
  for (std::size_t i = 0; i < image.rgb.size(); ++i) sums[i % 3] += image.rgb[i];
  std::istringstream stream(expected.substr(5));
  for (const double sum : sums) {
    double mean = 0;
    char comma = 0;
    stream >> mean >> comma;
    if (std::fabs(sum * 3 / static_cast<double>(image.rgb.size()) - mean) > 0.5) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("the hash of this test is SHA-256") {
  CHECK(sha256_start({}) == "e3b0c44298fc1c14");
  CHECK(sha256_start({'a', 'b', 'c'}) == "ba7816bf8f01cfea");
}

TEST_CASE("files of Pillow's own tests are read or refused as Pillow does") {
  NARROW_NEED_DATA(data);
  std::ifstream index(data / "robust_images" / "INDEX.tsv");
  std::string line;
  std::getline(index, line);
  const bool is_stb = narrow::image_formats().front().decoder == "stb_image";
  int read = 0;
  int refused = 0;
  while (std::getline(index, line)) {
    const std::vector<std::string> row = columns(line);
    const std::string& name = row[0];
    if (row[2] == "WEBP" && !reads("WebP")) continue;
    CAPTURE(name);
    const auto image = narrow::load_picture(data / "robust_images" / name);
    const bool same = image.ok() ? row[7] == "ok" && agrees(*image, row[8]) : row[7] != "ok";
    if (known_differences().contains(name) || (is_stb && known_differences_of_stb().contains(name))) {
      CHECK_MESSAGE(!same, "no difference any more: take it off the list");
      continue;
    }
    CHECK_MESSAGE(same, (image.ok() ? std::string("decoded differently") : image.error().text()));
    ++(image.ok() ? read : refused);
  }
  CHECK(read > 120);
  CHECK(refused >= 6);
}

TEST_CASE("real images cut anywhere are errors") {
  NARROW_NEED_DATA(data);
  for (const std::string name : {"hopper.jpg", "flower2.jpg", "app13-multiple.jpg", "hopper_gray.jpg", "hopper.png",
                                 "pil123p.png", "hopper.ppm", "hopper_rle8.bmp"}) {
    std::ifstream stream(data / "robust_images" / name, std::ios::binary);
    const std::vector<char> raw{std::istreambuf_iterator<char>(stream), {}};
    const std::vector<std::uint8_t> file(raw.begin(), raw.end());
    REQUIRE(narrow::testing::decode(file).ok());
    CAPTURE(name);
    for (std::size_t step = 1; step < 60; ++step) {
      const std::size_t length = file.size() - file.size() * step / 60 - 1;
      CAPTURE(length);
      CHECK(!narrow::testing::decode({file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length)}).ok());
    }
    CHECK(!narrow::testing::decode({file.begin(), file.end() - 9}).ok());
  }
}

TEST_CASE("every kind of real data set opens with the labels of its files") {
  NARROW_NEED_DATA(data);
  const auto cifar = narrow::PictureSet::open({data / "cifar10_lossless" / "test_500.bin"}).value();
  CHECK(cifar.size() == 500);
  CHECK(cifar.labelled());
  CHECK(cifar.get(0).value().label == 3);  // the first CIFAR-10 test image is the cat

  const auto listed = narrow::PictureSet::open({data / "cifar10_jpeg" / "labels.tsv"}).value();
  const auto folder = narrow::PictureSet::open({data / "cifar10_jpeg" / "test"}).value();
  CHECK(listed.size() == 2000);
  REQUIRE(folder.size() == 2000);
  CHECK(listed.labelled());
  CHECK(folder.labelled());
  std::map<std::string, int> labels;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    const auto image = listed.get(i).value();
    labels[image.name] = *image.label;
  }
  int same = 0;
  for (std::size_t i = 0; i < folder.size(); ++i) {
    const auto image = folder.get(i).value();
    const auto found = labels.find(image.name);
    same += found != labels.end() && found->second == *image.label ? 1 : 0;
  }
  CHECK(same == 2000);

  const auto samples = narrow::PictureSet::open({data / "imagenet_samples"}).value();
  CHECK(samples.size() == 200);
  const auto preprocessing = narrow::preprocessing_preset("imagenet").value();
  std::vector<float> input(224 * 224 * 3);
  for (std::size_t i = 0; i < samples.size(); i += 10) {
    const auto image = samples.get(i);
    REQUIRE(image.ok());
    CHECK(narrow::preprocess(image->picture, preprocessing, input).ok());
  }
}
