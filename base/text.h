// Numbers, shapes and names as messages show them, and what text may go into a model file.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "narrow/types.h"

namespace narrow::base {

// A piece of a message: text, which outlives the piece, or an integer, which is written in decimal.
class Piece {
 public:
  // Pieces are written where messages are made, so all of these are implicit.
  Piece(const char* text) : text_(text), value_(std::char_traits<char>::length(text)) {}  // NOLINT
  Piece(std::string_view text) : text_(text.data()), value_(text.size()) {}               // NOLINT
  Piece(const std::string& text) : text_(text.data()), value_(text.size()) {}             // NOLINT
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Piece(T value)  // NOLINT
      : value_(static_cast<std::uint64_t>(value)), kind_(value < 0 ? Kind::kNegative : Kind::kNumber) {}

  void append_to(std::string& text) const;

 private:
  enum class Kind : std::uint8_t { kText, kNumber, kNegative };

  const char* text_ = nullptr;
  std::uint64_t value_;  // of text: its length
  Kind kind_ = Kind::kText;
};
// The pieces of a message. A call with them is half as many bytes as a sum of strings, whose parts all have to be
// destroyed.
using Pieces = std::initializer_list<Piece>;
[[nodiscard]] std::string joined(Pieces pieces);

// Six significant digits, also of numbers that std::to_string would round to 0.
[[nodiscard]] std::string number_text(double value);
// "[height, width, channels]".
[[nodiscard]] std::string shape_text(const TensorShape& shape);
// "14x14x64": height, width and channels.
[[nodiscard]] std::string dimensions_text(const TensorShape& shape);

// The longest name, label or provenance entry of a model, in bytes.
inline constexpr std::size_t kMaxTextBytes = 4096;
// What is wrong with `text`, as the end of a sentence ("is not valid UTF-8"); empty when nothing is. Text is fine if it
// is UTF-8 (RFC 3629) without control characters, which a terminal would obey, and not longer than kMaxTextBytes.
[[nodiscard]] std::string text_problem(std::string_view text);

// 'name' in quotes. A name with a text_problem() comes from a damaged or hostile file: it is cut after 120 bytes, and
// everything but printable ASCII is written as \xNN.
[[nodiscard]] std::string in_quotes(std::string_view name);

}  // namespace narrow::base
