// What standard output can show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace narrow::cli {

struct Terminal {
  std::size_t columns = 0;  // 0: no limit, because standard output is no terminal
  bool colours = false;
};
// Of standard output. A terminal has colours unless NO_COLOR is set and not empty, or TERM is "dumb" or not set.
[[nodiscard]] Terminal output_terminal();

enum class Style { kPlain, kHeader, kWarning, kFaint };
// The text in this style; as it is without colours.
[[nodiscard]] std::string styled(std::string_view text, Style style, const Terminal& terminal);
// The sequence of a style or of its end that the text begins with; empty if there is none.
[[nodiscard]] std::string_view style_sequence(std::string_view text);

// How many columns the text takes: one for each character of UTF-8.
[[nodiscard]] std::size_t columns_of(std::string_view text);
// At most `columns` of them: what is too much is left out of the middle, with "~" in its place.
[[nodiscard]] std::string shortened_in_the_middle(std::string_view text, std::size_t columns);

}  // namespace narrow::cli
