// Texts of numbers and shapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "narrow/types.h"

namespace narrow::cli {

// printf into a string.
[[nodiscard, gnu::format(printf, 1, 2)]] std::string format(const char* pattern, ...);

// "0.01234": four significant digits.
[[nodiscard]] std::string four_digits(float value);
[[nodiscard]] std::string join(std::span<const std::string> parts, std::string_view separator);
// "1.4 MB", "312 bytes"; powers of 1000.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
// "40.8 M", "312": numbers of operations.
[[nodiscard]] std::string count_text(std::int64_t count);
// "1 image", "512 images".
[[nodiscard]] std::string plural(std::uint64_t count, std::string_view noun);
// "32x32x3", or "10" for a vector.
[[nodiscard]] std::string shape_text(const TensorShape& shape);
// A file name or label on one line of a terminal: control characters, line breaks among them, and what is no UTF-8 are
// written as \xNN, a backslash as two.
[[nodiscard]] std::string name_text(std::string_view name);
// A file name as in a URI (RFC 3986): every byte but letters, digits and -._~/ as %NN. It can be decoded without loss.
[[nodiscard]] std::string percent_encoded(std::string_view name);
[[nodiscard]] std::string percent_decoded(std::string_view text);
// Replaces control characters (terminal escapes) by '?'. File names and labels come from outside.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace narrow::cli
