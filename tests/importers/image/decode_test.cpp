#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "tests/importers/image/image_bytes.h"
#include "tests/support/data.h"
#include "tests/support/hash.h"

namespace {

using narrow::ErrorCode;
using narrow::Picture;
using narrow::PictureLimits;
using narrow::testing::decode;
using narrow::testing::fnv1a;
using narrow::testing::has_decoder_of_pillow;
using narrow::testing::image_golden;
using narrow::testing::image_goldens;
using narrow::testing::ImageGolden;
using narrow::testing::is_readable;
using Bytes = std::vector<std::uint8_t>;

std::string message(const narrow::Result<Picture>& result) {
  return result.ok() ? std::string() : result.error().message;
}

bool well_formed(const Picture& image) {
  return image.width > 0 && image.height > 0 &&
         image.rgb.size() == static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3;
}

bool is_bmp(const ImageGolden& golden) { return std::string_view(golden.name).starts_with("bmp"); }

// The images that this build decodes.
std::vector<ImageGolden> readable_goldens() {
  std::vector<ImageGolden> all;
  for (const ImageGolden& golden : image_goldens()) {
    if (is_readable(golden)) all.push_back(golden);
  }
  return all;
}

// Where `pattern` begins in `bytes`.
std::size_t find(const Bytes& bytes, std::string_view pattern) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).find(pattern);
}

// Writes the right checksum after the PNG chunk whose type begins at `type_at`.
void seal_chunk(Bytes& png, std::size_t type_at) {
  std::size_t length = 0;
  for (std::size_t i = type_at - 4; i < type_at; ++i) length = length << 8 | png[i];
  std::uint32_t crc = 0xFFFFFFFFU;
  for (std::size_t i = type_at; i < type_at + 4 + length; ++i) {
    crc ^= png[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320U : 0U);
  }
  crc = ~crc;
  for (std::size_t i = 0; i < 4; ++i) png[type_at + 4 + length + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
}

}  // namespace

TEST_CASE("images of every format decode to what Pillow makes of them") {
  for (const ImageGolden& golden : readable_goldens()) {
    CAPTURE(golden.name);
    const auto result = decode(golden.file);
    REQUIRE_MESSAGE(result.ok(), message(result));
    const bool turned = std::string_view(golden.name) == "tiff_turned5";
    CHECK(result->width == (turned ? 11 : 17));
    CHECK(result->height == (turned ? 17 : 11));
    CHECK(result->orientation == golden.orientation);
    REQUIRE(well_formed(*result));
    const bool exact = has_decoder_of_pillow(golden);
    if (exact) CHECK(fnv1a(result->rgb) == golden.hash);
    for (std::size_t c = 0; c < 3; ++c) {
      double sum = 0;
      for (std::size_t i = c; i < result->rgb.size(); i += 3) sum += result->rgb[i];
      CHECK(std::fabs(sum / (17 * 11) - golden.means[c]) < (exact ? 0.001 : 1.5));
    }
  }
}

TEST_CASE("an image cut at any length is an error") {
  for (const ImageGolden& golden : readable_goldens()) {
    CAPTURE(golden.name);
    // The padding of a BMP's last row carries nothing, nor do what follows the first image of a GIF and a TIFF's end.
    const std::string_view name = golden.name;
    const bool has_unused_end = name.starts_with("gif") || name.starts_with("tiff");
    const Picture whole = decode(golden.file).value();
    const std::size_t needed = golden.file.size() - (is_bmp(golden) ? 3 : 0);
    for (std::size_t length = 0; length < needed; ++length) {
      const auto result = decode(Bytes(golden.file.begin(), golden.file.begin() + static_cast<std::ptrdiff_t>(length)));
      CAPTURE(length);
      if (has_unused_end && result.ok()) {
        REQUIRE(result->rgb == whole.rgb);
        continue;
      }
      REQUIRE(!result.ok());
      CHECK(!result.error().message.empty());
    }
  }
}

TEST_CASE("a damaged image is an error or an image but never a crash") {
  std::mt19937 random(narrow::testing::seed());
  for (const ImageGolden& golden : readable_goldens()) {
    CAPTURE(golden.name);
    for (int round = 0; round < 2000; ++round) {
      Bytes bytes = golden.file;
      const int flips = std::uniform_int_distribution<int>(1, 8)(random);
      for (int i = 0; i < flips; ++i) {
        const std::size_t at = std::uniform_int_distribution<std::size_t>(0, bytes.size() - 1)(random);
        bytes[at] = static_cast<std::uint8_t>(random());
      }
      // A flipped size may ask for much memory: limits are part of what is tested.
      const auto result = decode(bytes, {100'000, 1 << 20});
      const bool fine = result.ok() ? well_formed(*result) : !result.error().message.empty();
      REQUIRE(fine);
    }
  }
}

TEST_CASE("every changed byte of a PNG is noticed") {
  const Bytes& file = image_golden("png_rgb").file;
  for (std::size_t at = 0; at < file.size(); ++at) {
    Bytes bytes = file;
    bytes[at] ^= 0x10;
    CAPTURE(at);
    CHECK(!decode(bytes).ok());
  }
}

TEST_CASE("an image of a format that this build does not read is refused with the next step") {
  int refused = 0;
  for (const ImageGolden& golden : image_goldens()) {
    if (is_readable(golden)) continue;
    CAPTURE(golden.name);
    const auto result = decode(golden.file);
    REQUIRE(!result.ok());
    CHECK(result.error().code == ErrorCode::kUnsupported);
    CHECK(message(result).find("convert the image to PNG") != std::string::npos);
    ++refused;
  }
  if (refused == 0) MESSAGE("this build reads every format");
}

TEST_CASE("CMYK and YCCK without and with any of Adobe's transforms are what Pillow makes of them") {
  const Picture with = decode(image_golden("jpeg_cmyk").file).value();
  const Picture without = decode(image_golden("jpeg_cmyk_no_adobe").file).value();
  CHECK(with.rgb == without.rgb);
  CHECK(decode(image_golden("jpeg_ycck").file).value().rgb ==
        decode(image_golden("jpeg_unknown_transform").file).value().rgb);
  CHECK(decode(image_golden("jpeg_ycck").file).value().rgb != with.rgb);
}

TEST_CASE("a JPEG with missing or damaged pixels is refused") {
  const Bytes& file = image_golden("jpeg_baseline").file;
  const std::size_t scan = find(file, "\xFF\xDA");
  Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(scan + 14 + 20));
  cut.insert(cut.end(), {0xFF, 0xD9});
  const bool is_libjpeg = narrow::image_formats().front().decoder.starts_with("libjpeg");
  if (is_libjpeg) CHECK(message(decode(cut)).starts_with("broken JPEG: "));  // stb_image fills the rest with gray
}

TEST_CASE("damaged EXIF states no orientation") {
  const Bytes& file = image_golden("jpeg_exif6").file;
  const std::size_t exif = find(file, std::string_view("Exif\0\0", 6)) + 6;
  REQUIRE(decode(file).value().orientation == 6);
  std::size_t differs = 0;
  for (std::size_t at = exif; at < exif + 26; ++at) {
    for (const int value : {0, 1, 9, 127, 255}) {
      Bytes bytes = file;
      bytes[at] = static_cast<std::uint8_t>(value);
      const auto result = decode(bytes);
      REQUIRE(result.ok());
      REQUIRE((result->orientation >= 1 && result->orientation <= 8));
      differs += result->orientation != 6 ? 1 : 0;
    }
  }
  CHECK(differs > 20);
}

TEST_CASE("what is no image is reported so and WebP GIF and TIFF by their name") {
  for (const std::string_view bytes : {"", "x", "hello, world", "P", "P7\n", "P5", "B", "\xFF", "\x89PNG\r\n"}) {
    const auto result = decode(bytes);
    REQUIRE(!result.ok());
    CHECK(result.error().code == ErrorCode::kMalformed);
    CHECK(result.error().message.starts_with("not a JPEG, PNG, BMP"));
  }
  CHECK(message(decode(std::string_view("RIFF\x08\0\0\0WEBPVP8 ", 16))).find("WebP") != std::string::npos);
  CHECK(message(decode("GIF89a")).find("GIF") != std::string::npos);
  CHECK(message(decode(std::string_view("II*\0", 4))).find("TIFF") != std::string::npos);
}

TEST_CASE("limits apply to the header before pixels are decoded") {
  for (const ImageGolden& golden : readable_goldens()) {
    CAPTURE(golden.name);
    CHECK(decode(golden.file, {17 * 11, golden.file.size()}).ok());
    for (const PictureLimits& limits : {PictureLimits{17 * 11 - 1, 1 << 20}, PictureLimits{0, 1 << 20},
                                        PictureLimits{-5, 1 << 20}, PictureLimits{1000, golden.file.size() - 1}}) {
      const auto result = decode(golden.file, limits);
      REQUIRE(!result.ok());
      CHECK(result.error().code == ErrorCode::kLimit);
    }
  }
  const auto huge = decode("P6 2147483647 2147483647 255\n");
  REQUIRE(!huge.ok());
  CHECK(huge.error().code == ErrorCode::kLimit);
  CHECK(huge.error().message.find("2147483647 x 2147483647") != std::string::npos);
}

TEST_CASE("a JPEG with thousands of scans is refused") {
  const Bytes& file = image_golden("jpeg_baseline").file;
  const std::size_t scan = find(file, "\xFF\xDA");
  REQUIRE(scan != std::string_view::npos);
  Bytes bytes(file.begin(), file.end() - 2);
  for (int i = 0; i < 200; ++i)
    bytes.insert(bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(scan), file.end() - 2);
  bytes.insert(bytes.end(), {0xFF, 0xD9});
  const auto result = decode(bytes);
  REQUIRE(!result.ok());
  CHECK(result.error().code == ErrorCode::kLimit);
}

TEST_CASE("a JPEG whose Huffman table claims more symbols than there are is refused") {
  Bytes bytes = image_golden("jpeg_baseline").file;
  const std::size_t table = find(bytes, "\xFF\xC4");
  REQUIRE(table != std::string_view::npos);
  for (std::size_t i = 0; i < 16; ++i) bytes[table + 5 + i] = 255;
  const auto result = decode(bytes);
  REQUIRE(!result.ok());
  CHECK(result.error().message == "broken JPEG: bad Huffman table; copy or download the image again, or save it again");
  // With the bytes for 16 * 255 symbols present.
  Bytes larger(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(table));
  const std::size_t length = 2 + 17 + 16 * 255;
  larger.insert(larger.end(),
                {0xFF, 0xC4, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length), 0});
  larger.insert(larger.end(), 16 * 256, 255);
  larger.insert(larger.end(), bytes.begin() + static_cast<std::ptrdiff_t>(table), bytes.end());
  CHECK(message(decode(larger)).find("broken JPEG: bad Huffman table; ") == 0);
}

TEST_CASE("padding and garbage between JPEG segments and after the end are skipped") {
  const Bytes& file = image_golden("jpeg_baseline").file;
  const Picture expected = decode(file).value();
  Bytes bytes = file;
  const std::size_t table = find(bytes, "\xFF\xC4");
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(table), {0xFF, 0xFF, 0xFF});
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(table), {1, 2, 3});
  bytes.insert(bytes.end(), 100, 0xAB);
  const auto result = decode(bytes);
  REQUIRE_MESSAGE(result.ok(), message(result));
  CHECK(result->rgb == expected.rgb);
}

TEST_CASE("a PNG palette that is too short gives black") {
  Bytes bytes = image_golden("png_indexed").file;
  const Picture whole = decode(bytes).value();
  const std::size_t palette = find(bytes, "PLTE");
  REQUIRE(palette != std::string_view::npos);
  const std::size_t length = bytes[palette - 1];
  REQUIRE(length > 3);
  bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(palette + 4 + 3),
              bytes.begin() + static_cast<std::ptrdiff_t>(palette + 4 + length));
  bytes[palette - 1] = 3;
  seal_chunk(bytes, palette);
  const Picture cut = decode(bytes).value();
  std::size_t black = 0;
  for (std::size_t i = 0; i < cut.rgb.size(); i += 3) {
    const bool is_black = cut.rgb[i] == 0 && cut.rgb[i + 1] == 0 && cut.rgb[i + 2] == 0;
    black += is_black ? 1 : 0;
    const bool as_before =
        cut.rgb[i] == whole.rgb[i] && cut.rgb[i + 1] == whole.rgb[i + 1] && cut.rgb[i + 2] == whole.rgb[i + 2];
    REQUIRE((is_black || as_before));
  }
  CHECK(black > 17 * 5);
}

TEST_CASE("PNG headers that make no sense are refused") {
  const Bytes& file = image_golden("png_rgb").file;
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = file;
    bytes[16 + at] = value;  // within the header chunk: width, height, bits, colour type, three methods
    seal_chunk(bytes, 12);
    return message(decode(bytes));
  };
  CHECK(with(8, 3).find("no such pixel format") != std::string::npos);
  CHECK(with(8, 4).find("no such pixel format") != std::string::npos);
  CHECK(with(9, 5).find("no such pixel format") != std::string::npos);
  CHECK(with(9, 200).find("no such pixel format") != std::string::npos);
  CHECK(with(10, 1).find("broken PNG: unknown compression method; ") == 0);
  CHECK(with(12, 2).find("broken PNG: unknown interlace method; ") == 0);
  CHECK(with(3, 0).find("broken PNG: an image without pixels; ") == 0);
  CHECK(with(7, 12).find("broken PNG") == 0);  // one row more than there is
  CHECK(with(9, 3).find("broken PNG: no palette; ") == 0);
}

TEST_CASE("PNM of all six kinds with comments and any maximum") {
  const Picture expected{2, 1, {255, 0, 51, 0, 255, 102}};
  for (const std::string_view text : {"P3 2 1 5 5 0 1 0 5 2", "P3#c\n2 # width\n1\n#height\n5\n5 0 1\n0 5 2\n",
                                      "P3\n2 1\n255\n255 0 51 0 255 102 trailing"}) {
    CAPTURE(text);
    const auto result = decode(text);
    REQUIRE_MESSAGE(result.ok(), message(result));
    CHECK(result->rgb == expected.rgb);
    CHECK(result->width == 2);
  }
  CHECK(decode(std::string_view("P6 2 1 255\n\xFF\0\x33\0\xFF\x66", 17)).value().rgb == expected.rgb);
  CHECK(decode(std::string_view("P6 2 1 5\n\x05\0\x01\0\x05\x02", 15)).value().rgb == expected.rgb);
  // 16 bits: the most significant byte comes first.
  CHECK(decode(std::string_view("P5 2 1 65535\n\xFF\xFF\x33\x33", 17)).value().rgb == Bytes{255, 255, 255, 51, 51, 51});
  CHECK(decode("P2 2 1 65535 65535 13107").value().rgb == Bytes{255, 255, 255, 51, 51, 51});
  // In bitmaps 1 is black.
  const Bytes bits{0, 0, 0, 255, 255, 255, 0, 0, 0};
  CHECK(decode("P1 3 1 101").value().rgb == bits);
  CHECK(decode("P1 3 1 1 0 1").value().rgb == bits);
  CHECK(decode(std::string_view("P4 3 1\n\xA0", 8)).value().rgb == bits);
}

TEST_CASE("broken PNM say what is wrong") {
  const auto has = [](std::string_view bytes, const char* part) {
    return message(decode(bytes)).find(part) != std::string::npos;
  };
  CHECK(has("P6 2 1 0\n123456", "maximum"));
  CHECK(has("P6 2 1 65536\n123456", "maximum"));
  CHECK(has("P6 -2 1 255\n123456", "width"));
  CHECK(has("P6 2 x 255\n123456", "height"));
  CHECK(has("P6 0 1 255\n123456", "without pixels"));
  CHECK(has("P6 2 1 255\n12345", "ends early"));
  CHECK(has("P3 1 1 255\n1 2 256", "above the maximum"));
  CHECK(has("P3 1 1 255\n1 2 a", "not a number"));
  CHECK(has("P1 2 1\n1 2", "bit"));
  CHECK(has("P6 99999999999999999999 1 255\n", "too large"));
}

TEST_CASE("run lengths and colour masks of BMP") {
  const auto header = [](int width, int height, int bits, int compression, const Bytes& behind, int pixels_at) {
    Bytes bytes{'B', 'M'};
    const auto put = [&bytes](int value, int count) {
      for (int i = 0; i < count; ++i)
        bytes.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(value) >> (8 * i)));
    };
    for (const int value : {0, 0, pixels_at, 40, width, height}) put(value, 4);
    put(1, 2);
    put(bits, 2);
    for (const int value : {compression, 0, 0, 0, behind.size() < 16 ? 2 : 0, 0}) put(value, 4);
    bytes.insert(bytes.end(), behind.begin(), behind.end());
    return bytes;
  };
  // Palette: 0 is (3, 2, 1), 1 is (6, 5, 4). Rows from the bottom: 1 1 1 | 0 1 1, then a jump and the end.
  const Bytes palette{1, 2, 3, 0, 4, 5, 6, 0};
  const auto run = [&](Bytes pixels, int bits, int compression) {
    Bytes bytes = header(3, 2, bits, compression, palette, 62);
    bytes.insert(bytes.end(), pixels.begin(), pixels.end());
    return decode(bytes);
  };
  const Bytes expected{3, 2, 1, 6, 5, 4, 6, 5, 4, 6, 5, 4, 6, 5, 4, 6, 5, 4};
  CHECK(run({3, 1, 0, 0, 0, 3, 0, 1, 1, 0, 0, 1}, 8, 1).value().rgb == expected);
  CHECK(run({9, 1, 0, 0, 1, 0, 2, 1, 0, 1}, 8, 1).value().rgb == expected);           // a run over the row's end
  CHECK(run({3, 1, 0, 0, 0, 2, 1, 0, 2, 1, 0, 1}, 8, 1).value().rgb == expected);     // a jump over index 0
  CHECK(run({3, 0x11, 0, 0, 0, 3, 0x01, 0x10, 0, 1}, 4, 2).value().rgb == expected);  // nibbles
  CHECK(run({3, 1, 0, 0, 1, 0, 2, 1}, 8, 1).value().rgb == expected);                 // no end mark
  CHECK(!run({3, 1, 0, 0, 1, 0}, 8, 1).ok());
  CHECK(!run({3, 1, 0, 2, 1}, 8, 1).ok());
  CHECK(!run({}, 8, 1).ok());
  CHECK(!run({3, 1}, 4, 1).ok());
  CHECK(message(run({}, 8, 4)).find("compression 4") != std::string::npos);
  // 16 bits with the masks of 5-6-5, top row first.
  const Bytes masks{0, 0xF8, 0, 0, 0xE0, 0x07, 0, 0, 0x1F, 0, 0, 0};
  Bytes high = header(1, -2, 16, 3, masks, 66);
  high.insert(high.end(), {0x00, 0xF8, 0, 0, 0xFF, 0xFF, 0, 0});
  CHECK(decode(high).value().rgb == Bytes{255, 0, 0, 255, 255, 255});
  // A palette that the header forgot to count.
  Bytes forgotten = header(2, 1, 8, 0, palette, 54);
  forgotten.insert(forgotten.end(), {1, 0, 0, 0});
  CHECK(decode(forgotten).value().rgb == Bytes{6, 5, 4, 3, 2, 1});
  // Sides at the edge of their type.
  CHECK(!decode(header(1, -2147483647 - 1, 24, 0, {}, 54)).ok());
  CHECK(!decode(header(-1, 1, 24, 0, {}, 54)).ok());
}

TEST_CASE("loading a file says which one") {
  const narrow::testing::TemporaryFolder folder;
  const auto missing = narrow::load_picture(folder.path() / "missing.png");
  REQUIRE(!missing.ok());
  CHECK(missing.error().code == ErrorCode::kNotFound);
  CHECK(missing.error().where.find("missing.png") != std::string::npos);
  const auto not_a_file = narrow::load_picture(folder.path());
  REQUIRE(!not_a_file.ok());
  CHECK(not_a_file.error().code == ErrorCode::kIo);
  narrow::testing::write_file(folder.path() / "text.jpg", std::string("no picture"));
  const auto text = narrow::load_picture(folder.path() / "text.jpg");
  REQUIRE(!text.ok());
  CHECK(text.error().code == ErrorCode::kMalformed);
  CHECK(text.error().where.find("text.jpg") != std::string::npos);
  narrow::testing::write_file(folder.path() / "good.jpg", image_golden("png_rgb").file);  // by content, not by name
  CHECK(narrow::load_picture(folder.path() / "good.jpg").ok());
  const auto too_long = narrow::load_picture(folder.path() / "good.jpg", {1000, 10});
  REQUIRE(!too_long.ok());
  CHECK(too_long.error().code == ErrorCode::kLimit);
}
