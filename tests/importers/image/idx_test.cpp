// MNIST's IDX format, plain and gzip-compressed, well-formed and not.
#include <doctest/doctest.h>
#include <zlib.h>

#include <algorithm>
#include <random>

#include "narrow/image.h"
#include "tests/importers/image/image_bytes.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

namespace {

namespace fs = std::filesystem;
using narrow::PictureSet;
using narrow::testing::has;
using narrow::testing::TemporaryFolder;
using narrow::testing::write_file;

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8)
    bytes.push_back(static_cast<char>(value >> static_cast<unsigned>(shift)));
  return bytes;
}

std::string images(std::uint32_t count, std::uint32_t height, std::uint32_t width, const std::string& pixels) {
  return std::string("\0\0\x08\x03", 4) + big_endian(count) + big_endian(height) + big_endian(width) + pixels;
}

std::string labels(std::uint32_t count, const std::string& values) {
  return std::string("\0\0\x08\x01", 4) + big_endian(count) + values;
}

std::string gzip(const std::string& bytes) {
  z_stream stream = {};
  REQUIRE(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string in = bytes;
  std::string out(deflateBound(&stream, in.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

// What went wrong when opening: "where: message", or nothing.
std::string problem(const fs::path& path, const std::vector<std::string>& class_names = {}) {
  const auto set = PictureSet::open({path}, class_names);
  return set.ok() ? std::string() : set.error().text();
}

const std::string kPixels("\x00\x01\x7f\x80\xfe\xff\x10\x20\x30\x40\x50\x60", 12);  // two images of 3x2

}  // namespace

TEST_CASE("IDX images have their labels next to them whether or not either is compressed") {
  for (const bool packed_images : {false, true}) {
    for (const bool packed_labels : {false, true}) {
      const TemporaryFolder folder;
      const auto write = [&](const char* name, const std::string& bytes, bool packed) {
        write_file(folder.path() / (packed ? std::string(name) + ".gz" : name), packed ? gzip(bytes) : bytes);
      };
      write("t-images-idx3-ubyte", images(2, 2, 3, kPixels), packed_images);
      write("t-labels-idx1-ubyte", labels(2, "\x09\x05"), packed_labels);
      const fs::path file = folder.path() / (packed_images ? "t-images-idx3-ubyte.gz" : "t-images-idx3-ubyte");
      const PictureSet set = PictureSet::open({file}).value();
      REQUIRE(set.size() == 2);
      CHECK(set.labelled());
      const auto first = set.get(0).value();
      CHECK(first.label == 9);
      CHECK(first.name == file.string() + "#0");
      CHECK(first.picture.width == 3);
      CHECK(first.picture.height == 2);
      const auto second = set.get(1).value();
      CHECK(second.label == 5);
      for (std::size_t i = 0; i < 18; ++i) {
        CHECK(first.picture.rgb[i] == static_cast<std::uint8_t>(kPixels[i / 3]));
        CHECK(second.picture.rgb[i] == static_cast<std::uint8_t>(kPixels[6 + i / 3]));
      }
      CHECK(has(problem(file, {"a", "b"}), "the label of image 0 is 9, but there are 2 classes"));
    }
  }
}

TEST_CASE("IDX images without a file of labels have none") {
  const TemporaryFolder folder;
  write_file(folder.path() / "digits", images(2, 2, 3, kPixels));
  CHECK_FALSE(PictureSet::open({folder.path() / "digits"}).value().labelled());
  // The other way of writing the name.
  write_file(folder.path() / "t.images.idx3-ubyte", images(2, 2, 3, kPixels));
  CHECK_FALSE(PictureSet::open({folder.path() / "t.images.idx3-ubyte"}).value().labelled());
  write_file(folder.path() / "t.labels.idx1-ubyte", labels(2, "\x01\x02"));
  CHECK(PictureSet::open({folder.path() / "t.images.idx3-ubyte"}).value().labelled());
}

TEST_CASE("IDX files that do not hold what they claim are refused") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "t-images-idx3-ubyte";
  struct Case {
    std::string bytes;
    const char* part;
  };
  const std::uint32_t huge = 0xFFFFFFFFU;
  for (const Case& tried : std::vector<Case>{{std::string("\0\0\x08\x03", 4), "not an IDX file of images"},
                                             {images(2, 2, 3, kPixels).substr(0, 15), "not an IDX file"},
                                             {std::string("\0\0\x08\x04", 4) + kPixels + kPixels, "three dimensions"},
                                             {labels(2, "\x01\x02"), "holds labels"},
                                             {images(0, 2, 3, ""), "no image"},
                                             {images(2, 0, 3, ""), "no image"},
                                             {images(2, 3, 0, ""), "no image"},
                                             {images(2, 2, 3, kPixels.substr(1)), "28 bytes, but there are 27"},
                                             {images(2, 2, 3, kPixels + "x"), "28 bytes, but there are 29"},
                                             {images(huge, huge, huge, kPixels), ""},
                                             {images(1, 65536, 65536, kPixels), ""},
                                             {images(huge, 1, 1, kPixels), "a million"},
                                             {images(1000000, 8000, 8000, kPixels), "1 GiB"}}) {
    for (const bool packed : {false, true}) {
      write_file(file, packed ? gzip(tried.bytes) : tried.bytes);
      const std::string text = problem(file);
      CAPTURE(packed);
      CAPTURE(text);
      REQUIRE_FALSE(text.empty());
      CHECK(has(text, file.string()));
      if (!packed || !has(tried.part, "there are")) CHECK(has(text, tried.part));
    }
  }
  write_file(file, images(2, 2, 3, kPixels));
  for (const Case& tried : std::vector<Case>{{labels(3, "123"), "holds 3 labels"},
                                             {labels(2, "1"), "10 bytes, but there are 9"},
                                             {images(2, 2, 3, kPixels), "IDX file of labels"},
                                             {labels(huge, "12"), "a million"},
                                             {"", "IDX file of labels"}}) {
    write_file(folder.path() / "t-labels-idx1-ubyte", tried.bytes);
    const std::string text = problem(file);
    CAPTURE(text);
    CHECK(has(text, tried.part));
    CHECK(has(text, "t-labels-idx1-ubyte"));
  }
}

TEST_CASE("gzip that unpacks to more than its header claims ends there") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "t-images-idx3-ubyte.gz";
  // 100 MB of zeros after two small images, in 100 kB.
  write_file(file, gzip(images(2, 2, 3, kPixels) + std::string(100 * 1000 * 1000, '\0')));
  CHECK(has(problem(file), "more bytes than its header says"));
  // And a claim that so few bytes can't hold.
  write_file(file, gzip(images(1000, 1000, 1000, kPixels)));
  CHECK(has(problem(file), "compressed ones can hold"));
  write_file(file, gzip(images(2, 2, 3, kPixels)) + "x");
  CHECK(has(problem(file), "more bytes than its header says"));
  write_file(file, gzip("a text, and no pictures"));
  CHECK(has(problem(file), "not an IDX file"));
}

TEST_CASE("damaged gzip is refused at any length and with any byte changed") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "digits";
  std::mt19937 random(narrow::testing::seed());
  std::string pixels(200, '\0');
  for (char& pixel : pixels) pixel = static_cast<char>(random() % 256);
  const std::string whole = gzip(images(2, 10, 10, pixels));
  write_file(file, whole);
  REQUIRE(problem(file).empty());
  for (std::size_t length = 2; length < whole.size(); ++length) {
    write_file(file, whole.substr(0, length));
    REQUIRE_FALSE(problem(file).empty());
  }
  int accepted = 0;
  for (std::size_t at = 2; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1U << (random() % 8)));
    write_file(file, damaged);
    // Bits that mean nothing (time and system in gzip's header, what fills a byte) may change, images not.
    const auto set = PictureSet::open({file});
    if (!set.ok()) continue;
    ++accepted;
    REQUIRE(set->size() == 2);
    const auto second = set->get(1).value().picture;
    for (std::size_t i = 0; i < 100; ++i) REQUIRE(second.rgb[3 * i] == static_cast<std::uint8_t>(pixels[100 + i]));
  }
  CHECK(accepted < 20);
}

TEST_CASE("the digits of MNIST") {
  NARROW_NEED_DATA(data);
  const PictureSet set = PictureSet::open({data / "mnist" / "t10k-images-idx3-ubyte.gz"}).value();
  CHECK(set.size() == 10000);
  CHECK(set.labelled());
  const std::vector<int> first = {7, 2, 1, 0, 4, 1, 4, 9, 5, 9};
  for (std::size_t i = 0; i < first.size(); ++i) {
    const auto digit = set.get(i).value();
    CHECK(digit.label == first[i]);
    CHECK(digit.picture.width == 28);
    CHECK(digit.picture.height == 28);
    CHECK(*std::max_element(digit.picture.rgb.begin(), digit.picture.rgb.end()) > 250);
  }
}
