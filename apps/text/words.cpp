#include "apps/text/words.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "base/text.h"

namespace narrow::cli {

std::string format(const char* pattern, ...) {
  std::va_list arguments;
  va_start(arguments, pattern);
  std::va_list again;
  va_copy(again, arguments);
  // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is not seen where several files are read
  const int length = std::vsnprintf(nullptr, 0, pattern, arguments);
  va_end(arguments);
  std::string out(length > 0 ? static_cast<std::size_t>(length) : 0, '\0');
  if (length > 0) std::vsnprintf(out.data(), out.size() + 1, pattern, again);
  va_end(again);
  return out;
}

std::string four_digits(float value) { return format("%.4g", static_cast<double>(value)); }

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (const std::string& part : parts) {
    if (!out.empty()) out += separator;
    out += part;
  }
  return out;
}

std::string bytes_text(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1000 * 1000) return format("%.2f MB", value / 1e6);
  if (bytes >= 10 * 1000) return format("%.1f kB", value / 1e3);
  return format("%llu bytes", static_cast<unsigned long long>(bytes));
}

std::string count_text(std::int64_t count) {
  const auto value = static_cast<double>(count);
  if (count >= 1000 * 1000) return format("%.2f M", value / 1e6);
  if (count >= 10 * 1000) return format("%.1f k", value / 1e3);
  return format("%lld", static_cast<long long>(count));
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string shape_text(const TensorShape& shape) {
  if (shape.height == 1 && shape.width == 1) return std::to_string(shape.channels);
  return base::dimensions_text(shape);
}

namespace {

std::string hex_of(char c) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  return {kHex[byte >> 4U], kHex[byte & 15U]};
}

}  // namespace

std::string name_text(std::string_view name) {
  if (base::text_problem(name).empty()) return std::string(name);
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      text += "\\\\";
    } else if (byte < 0x20 || byte >= 0x7F) {
      text += "\\x" + hex_of(c);
    } else {
      text += c;
    }
  }
  return text;
}

std::string percent_encoded(std::string_view name) {
  constexpr std::string_view kKept = "-._~/";
  std::string text;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    text += letter || kKept.find(c) != std::string_view::npos ? std::string(1, c) : "%" + hex_of(c);
  }
  return text;
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  };
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high >= 0 ? digit(text[i + 2]) : -1;
    name += low < 0 ? text[i] : static_cast<char>(high * 16 + low);
    if (low >= 0) i += 2;
  }
  return name;
}

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) c = '?';
  }
  return out;
}

}  // namespace narrow::cli
