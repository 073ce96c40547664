#include "base/text.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace narrow::base {
namespace {

constexpr std::uint32_t kInvalid = 0xFFFFFFFFU;

// The code point at `position`, which moves to its end; kInvalid for anything that RFC 3629 does not allow.
std::uint32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto lead = static_cast<unsigned char>(text[position++]);
  if (lead < 0x80) return lead;
  const int length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return kInvalid;
  std::uint32_t code = lead & (0xFFU >> (length + 1));
  for (int i = 1; i < length; ++i) {
    if (position == text.size()) return kInvalid;
    const auto next = static_cast<unsigned char>(text[position++]);
    if ((next & 0xC0U) != 0x80U) return kInvalid;
    code = code << 6 | (next & 0x3FU);
  }
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? kInvalid : code;
}

}  // namespace

void Piece::append_to(std::string& text) const {
  if (kind_ == Kind::kText) {
    text.append(text_, value_);
  } else {
    text += kind_ == Kind::kNegative ? std::to_string(static_cast<std::int64_t>(value_)) : std::to_string(value_);
  }
}

std::string joined(Pieces pieces) {
  std::string text;
  for (const Piece& piece : pieces) piece.append_to(text);
  return text;
}

std::string number_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

std::string shape_text(const TensorShape& shape) {
  return joined({"[", shape.height, ", ", shape.width, ", ", shape.channels, "]"});
}

std::string dimensions_text(const TensorShape& shape) {
  return joined({shape.height, "x", shape.width, "x", shape.channels});
}

std::string text_problem(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return joined({"is ", text.size(), " bytes long, more than ", kMaxTextBytes});
  }
  for (std::size_t position = 0; position < text.size();) {
    const std::uint32_t code = next_code_point(text, position);
    if (code == kInvalid) return "is not valid UTF-8";
    if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return "holds a control character";
  }
  return {};
}

std::string in_quotes(std::string_view name) {
  constexpr std::size_t kMaxBytes = 120;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "'";
  if (text_problem(name).empty()) return text.append(name) + "'";
  for (const char character : name.substr(0, kMaxBytes)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= 0x20 && byte < 0x7F) {
      text += character;
    } else {
      text += "\\x";
      text += kHex[byte >> 4U];
      text += kHex[byte & 15U];
    }
  }
  return text + (name.size() > kMaxBytes ? "...'" : "'");
}

}  // namespace narrow::base
