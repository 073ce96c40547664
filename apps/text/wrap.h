// Text that is broken into lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace narrow::cli {

// Lines of at most `width` columns, broken at spaces, and between the parts of a name ("com.microsoft.QLinearConv")
// that is longer than a line. What is longer even so is a longer line.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view text, std::size_t width);
// The width below which a text has lines that are longer.
[[nodiscard]] std::size_t longest_part(std::string_view text);

// The text with its lines that are wider than `columns` broken. What follows is below the text of a line "name   text",
// and two columns further in than other lines. 0: no limit. Lines of options and of commands, which are there to be
// copied, and lines with styles, which tables have made fit, stay as they are.
[[nodiscard]] std::string with_broken_lines(std::string_view text, std::size_t columns);

}  // namespace narrow::cli
