#include "importers/weights/in_quotes.h"

namespace narrow::importers {

std::string in_quotes(std::string_view name) {
  constexpr std::size_t kMaxBytes = 120;
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text = "'";
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

}  // namespace narrow::importers
