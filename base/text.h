// Numbers, shapes and names as messages show them, and what text may go into a model file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "narrow/types.h"

namespace narrow::base {

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
