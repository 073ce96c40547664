// JPEG (ITU-T T.81), baseline and progressive. The decoder receives a new stream of checked segments: tables, frame,
// scans and the two application segments that specify the colours.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/try.h"
#include "importers/image/exif.h"
#include "importers/image/formats.h"
#include "importers/image/libraries.h"
#include "importers/image/stb.h"

namespace narrow::image {
namespace {

// A progressive file of a few kilobytes can require thousands of passes over a large image. Encoders write about ten.
constexpr int kMaxScans = 100;

enum Marker : std::uint8_t {
  kTem = 0x01,
  kSof0 = 0xC0,
  kSof2 = 0xC2,
  kDht = 0xC4,
  kJpg = 0xC8,
  kDac = 0xCC,
  kSof15 = 0xCF,
  kRst0 = 0xD0,
  kRst7 = 0xD7,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp0 = 0xE0,
  kApp1 = 0xE1,
  kApp14 = 0xEE,
};

class Rewriter {
 public:
  Rewriter(Bytes bytes, const PictureLimits& limits) : bytes_(bytes), limits_(limits) {}

  Status run();
  [[nodiscard]] Bytes checked() const { return out_; }
  [[nodiscard]] std::uint64_t width() const { return width_; }
  [[nodiscard]] std::uint64_t height() const { return height_; }
  [[nodiscard]] int orientation() const { return orientation_; }

 private:
  // Finds the next marker, skipping padding and garbage before it as libjpeg does.
  Result<std::uint8_t> next_marker();
  // Returns the segment at at_, without its length, and moves at_ to its end.
  Result<Bytes> segment();
  Status handle(std::uint8_t marker, Bytes segment);
  Status frame(std::uint8_t marker, Bytes segment);
  Status scan(Bytes segment);
  void append(std::uint8_t marker, Bytes segment);
  void append_colors();

  Bytes bytes_;
  PictureLimits limits_;
  std::size_t at_ = 2;  // after the start-of-image marker
  std::vector<std::uint8_t> out_;
  std::uint64_t width_ = 0;  // 0: no frame yet
  std::uint64_t height_ = 0;
  std::size_t components_ = 0;
  std::optional<std::uint8_t> adobe_transform_;
  int scans_ = 0;
  int orientation_ = 1;
  bool has_exif_ = false;
};

Error jpeg_ends_early() { return broken("JPEG", "the file ends early"); }

Result<std::uint8_t> Rewriter::next_marker() {
  while (true) {
    while (at_ < bytes_.size() && bytes_[at_] != 0xFF) ++at_;
    while (at_ < bytes_.size() && bytes_[at_] == 0xFF) ++at_;
    if (at_ >= bytes_.size()) return jpeg_ends_early();
    const std::uint8_t marker = bytes_[at_++];
    if (marker != 0) return marker;
  }
}

Result<Bytes> Rewriter::segment() {
  if (bytes_.size() - at_ < 2) return jpeg_ends_early();
  const std::size_t length = big_endian_16(bytes_, at_);
  if (length < 2) return broken("JPEG", "impossible segment length at offset " + std::to_string(at_));
  if (length > bytes_.size() - at_) return jpeg_ends_early();
  const Bytes data = bytes_.subspan(at_ + 2, length - 2);
  at_ += length;
  return data;
}

void Rewriter::append(std::uint8_t marker, Bytes segment) {
  const std::size_t length = segment.size() + 2;
  out_.insert(out_.end(), {0xFF, marker, static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)});
  out_.insert(out_.end(), segment.begin(), segment.end());
}

// Checks Huffman tables: {class and index, 16 counts, symbols}.
Status check_huffman_tables(Bytes segment) {
  while (!segment.empty()) {
    if (segment.size() < 17) return broken("JPEG", "cut Huffman table");
    std::size_t symbols = 0;
    for (const std::uint8_t count : segment.subspan(1, 16)) symbols += count;
    if ((segment[0] >> 4) > 1 || (segment[0] & 15) > 3 || symbols > 256 || symbols > segment.size() - 17) {
      return broken("JPEG", "bad Huffman table");
    }
    segment = segment.subspan(17 + symbols);
  }
  return {};
}

// Checks quantization tables: {precision and index, 64 values of 8 or 16 bits}.
Status check_quantization_tables(Bytes segment) {
  while (!segment.empty()) {
    const unsigned precision = segment[0] >> 4;
    const std::size_t size = precision == 0 ? 65 : 129;
    if (precision > 1 || (segment[0] & 15) > 3 || segment.size() < size) {
      return broken("JPEG", "bad quantization table");
    }
    segment = segment.subspan(size);
  }
  return {};
}

Status Rewriter::frame(std::uint8_t marker, Bytes segment) {
  if (marker > kSof2) {
    return unsupported("JPEG", marker >= 0xC9 ? "arithmetic coding" : "lossless or hierarchical coding");
  }
  if (width_ != 0) return broken("JPEG", "two frames");
  if (segment.size() < 6) return broken("JPEG", "cut frame header");
  if (segment[0] != 8) return unsupported("JPEG", std::to_string(segment[0]) + " bits per sample");
  const std::size_t components = segment[5];
  if (segment.size() != 6 + 3 * components) return broken("JPEG", "frame header of the wrong size");
  if (components != 1 && components != 3 && components != 4) {
    return unsupported("JPEG", std::to_string(components) + " colour components");
  }
  if (big_endian_16(segment, 1) == 0) return unsupported("JPEG", "the height written after the pixels");
  NARROW_TRY(check_size("JPEG", big_endian_16(segment, 3), big_endian_16(segment, 1), limits_));
  components_ = components;
  height_ = big_endian_16(segment, 1);
  width_ = big_endian_16(segment, 3);
  append(marker, segment);
  return {};
}

// Adobe's segment, on which the meaning of the components depends. Four components are CMYK without it, and YCCK where
// it states any transform, as in libjpeg.
void Rewriter::append_colors() {
  if (components_ == 4) {
    adobe_transform_ = adobe_transform_.value_or(0) == 0 ? 0 : 2;
  } else if (!adobe_transform_) {
    return;
  }
  const std::array<std::uint8_t, 12> segment{'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, *adobe_transform_};
  append(kApp14, segment);
}

Status Rewriter::scan(Bytes segment) {
  if (width_ == 0) return broken("JPEG", "pixels before the header");
  if (++scans_ > kMaxScans) {
    return Error{ErrorCode::kLimit, "JPEG with more than " + std::to_string(kMaxScans) + " scans", {}};
  }
  if (segment.size() < 6 || segment.size() != 4 + 2 * std::size_t{segment[0]}) {
    return broken("JPEG", "scan header of the wrong size");
  }
  if (scans_ == 1) append_colors();
  append(kSos, segment);
  // Entropy-coded bytes last until a marker that is neither a stuffed 0xFF nor a restart.
  while (true) {
    const auto begin = bytes_.begin() + static_cast<std::ptrdiff_t>(at_);
    const auto found = std::find(begin, bytes_.end(), std::uint8_t{0xFF});
    out_.insert(out_.end(), begin, found);
    at_ = static_cast<std::size_t>(found - bytes_.begin());
    const std::size_t marker_at = at_;
    while (at_ < bytes_.size() && bytes_[at_] == 0xFF) ++at_;
    if (at_ >= bytes_.size()) return jpeg_ends_early();
    const std::uint8_t marker = bytes_[at_];
    if (marker != 0 && (marker < kRst0 || marker > kRst7)) {
      at_ = marker_at;
      return {};
    }
    out_.insert(out_.end(), {0xFF, marker});
    ++at_;
  }
}

Status Rewriter::handle(std::uint8_t marker, Bytes segment) {
  if (marker == kSos) return scan(segment);
  if (marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg && marker != kDac) {
    return frame(marker, segment);
  }
  if (marker == kDht) {
    NARROW_TRY(check_huffman_tables(segment));
  } else if (marker == kDqt) {
    NARROW_TRY(check_quantization_tables(segment));
  } else if (marker == kDri) {
    if (segment.size() != 2) return broken("JPEG", "restart interval of the wrong size");
  } else if (marker == kApp14) {
    constexpr std::string_view kAdobe = "Adobe";
    const bool is_adobe = segment.size() >= 12 && std::memcmp(segment.data(), kAdobe.data(), kAdobe.size()) == 0;
    if (is_adobe && scans_ == 0) adobe_transform_ = segment[11];
    return {};  // it is written again before the first scan
  } else if (marker == kApp1) {
    constexpr std::string_view kExif("Exif\0\0", 6);
    const bool is_exif = segment.size() >= kExif.size() && std::memcmp(segment.data(), kExif.data(), kExif.size()) == 0;
    if (is_exif && !has_exif_) orientation_ = exif_orientation(segment.subspan(kExif.size()));
    has_exif_ = has_exif_ || is_exif;
    return {};
  } else if (marker != kApp0) {
    return {};  // text and metadata, on which no pixel depends
  }
  append(marker, segment);
  return {};
}

Status Rewriter::run() {
  out_.reserve(bytes_.size());
  out_.insert(out_.end(), {0xFF, kSoi});
  while (true) {
    NARROW_ASSIGN(const std::uint8_t marker, next_marker());
    if (marker == kEoi) break;
    if (marker == kTem || (marker >= kRst0 && marker <= kRst7)) continue;
    if (marker == kSoi) return broken("JPEG", "a second image starts inside the first");
    NARROW_ASSIGN(const Bytes data, segment());
    NARROW_TRY(handle(marker, data));
  }
  if (scans_ == 0) return broken("JPEG", "no pixels");
  out_.insert(out_.end(), {0xFF, kEoi});
  return {};
}

}  // namespace

Result<Picture> decode_jpeg(Bytes bytes, const PictureLimits& limits) {
  Rewriter rewriter(bytes, limits);
  NARROW_TRY(rewriter.run());
  const auto decode = libraries().jpeg;
  Result<Picture> image = decode != nullptr
                              ? decode(rewriter.checked(), rewriter.width(), rewriter.height())
                              : decode_with_stb("JPEG", rewriter.checked(), rewriter.width(), rewriter.height());
  if (image.ok()) image->orientation = rewriter.orientation();
  return image;
}

}  // namespace narrow::image
