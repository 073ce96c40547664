// Netpbm's PBM, PGM and PPM, plain (P1, P2, P3) and raw (P4, P5, P6).
#include <algorithm>
#include <cstddef>
#include <limits>

#include "base/try.h"
#include "importers/image/formats.h"

namespace narrow::image {
namespace {

bool is_space(std::uint8_t byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

class Tokens {
 public:
  explicit Tokens(Bytes bytes) : bytes_(bytes) {}

  // Reads the next decimal number and one separator byte after it. Whitespace and comments before it are skipped.
  Result<std::uint32_t> number(const char* what) {
    skip_space();
    if (at_ >= bytes_.size()) return ends_early();
    std::uint64_t value = 0;
    const std::size_t begin = at_;
    while (at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9') {
      value = value * 10 + (bytes_[at_++] - '0');
      if (value > std::numeric_limits<std::int32_t>::max()) return broken("PNM", std::string(what) + " is too large");
    }
    if (at_ == begin || (at_ < bytes_.size() && !is_space(bytes_[at_]) && bytes_[at_] != '#')) {
      return broken("PNM", std::string(what) + " is not a number");
    }
    if (at_ < bytes_.size() && bytes_[at_] != '#') ++at_;
    return static_cast<std::uint32_t>(value);
  }

  // Reads the next 0 or 1 of a plain bitmap, where no space is required between digits.
  Result<bool> bit() {
    skip_space();
    if (at_ >= bytes_.size()) return ends_early();
    const std::uint8_t digit = bytes_[at_++];
    if (digit != '0' && digit != '1') return broken("PNM", "a bit is not 0 or 1");
    return digit == '1';
  }

  [[nodiscard]] Bytes rest() const { return bytes_.subspan(at_); }
  static Error ends_early() { return broken("PNM", "the file ends early"); }

 private:
  void skip_space() {
    while (at_ < bytes_.size() && (is_space(bytes_[at_]) || bytes_[at_] == '#')) {
      if (bytes_[at_] == '#') {
        while (at_ < bytes_.size() && bytes_[at_] != '\n' && bytes_[at_] != '\r') ++at_;
      } else {
        ++at_;
      }
    }
  }

  Bytes bytes_;
  std::size_t at_ = 2;  // after the magic number
};

Result<Picture> decode_bitmap(Tokens& tokens, bool plain, std::size_t width, std::size_t height) {
  const std::size_t row_bytes = (width + 7) / 8;
  const Bytes rows = tokens.rest();
  if (plain ? rows.size() < width * height : rows.size() / row_bytes < height) return Tokens::ends_early();
  Picture image = blank(width, height);
  std::uint8_t* out = image.rgb.data();
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x, out += 3) {
      bool black = false;
      if (plain) {
        NARROW_ASSIGN(black, tokens.bit());
      } else {
        black = ((rows[y * row_bytes + x / 8] >> (7 - x % 8)) & 1) != 0;
      }
      std::fill_n(out, 3, black ? std::uint8_t{0} : std::uint8_t{255});
    }
  }
  return image;
}

Result<Picture> decode_samples(Tokens& tokens, bool plain, bool color, std::size_t width, std::size_t height,
                               std::uint32_t maximum) {
  const std::size_t channels = color ? 3 : 1;
  const std::size_t samples = width * height * channels;
  const std::size_t sample_bytes = plain || maximum < 256 ? 1 : 2;  // of a plain sample: at least one digit
  const Bytes raw = tokens.rest();
  if (raw.size() / sample_bytes < samples) return Tokens::ends_early();
  Picture image = blank(width, height);
  std::uint8_t* out = image.rgb.data();
  for (std::size_t i = 0; i < samples; ++i) {
    std::uint32_t sample = 0;
    if (plain) {
      NARROW_ASSIGN(sample, tokens.number("a sample"));
      if (sample > maximum) return broken("PNM", "a sample is above the maximum");
    } else {
      sample = std::min(maximum, sample_bytes == 1 ? std::uint32_t{raw[i]} : big_endian_16(raw, 2 * i));
    }
    const auto value = static_cast<std::uint8_t>((sample * 255 + maximum / 2) / maximum);
    out = std::fill_n(out, color ? 1 : 3, value);
  }
  return image;
}

}  // namespace

Result<Picture> decode_pnm(Bytes bytes, const PictureLimits& limits) {
  const int kind = bytes[1] - '0';  // 1..6: bitmap, gray, colour; plain, then raw
  const bool plain = kind <= 3;
  Tokens tokens(bytes);
  NARROW_ASSIGN(const std::uint32_t width, tokens.number("the width"));
  NARROW_ASSIGN(const std::uint32_t height, tokens.number("the height"));
  NARROW_TRY(check_size("PNM", width, height, limits));
  if (kind == 1 || kind == 4) return decode_bitmap(tokens, plain, width, height);
  NARROW_ASSIGN(const std::uint32_t maximum, tokens.number("the maximum"));
  if (maximum < 1 || maximum > 65535) return broken("PNM", "the maximum is not in 1..65535");
  return decode_samples(tokens, plain, kind == 3 || kind == 6, width, height, maximum);
}

}  // namespace narrow::image
