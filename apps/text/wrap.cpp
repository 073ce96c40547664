#include "apps/text/wrap.h"

#include <algorithm>

#include "apps/text/terminal.h"

namespace narrow::cli {
namespace {

// Where the text of a line "name   text" begins; 0 for other lines.
std::size_t begin_of_text(std::string_view line) {
  constexpr std::size_t kLongestName = 20;
  const std::size_t gap = line.find("  ");
  if (gap == 0 || gap > kLongestName) return 0;
  return std::min(line.find_first_not_of(' ', gap), line.size());
}

// Whether a long word may go on in the next line with its character `at`: behind a point, or with a capital letter, of
// a name such as "com.microsoft.QLinearConv". The names of files stay whole.
bool is_break(std::string_view text, std::size_t at) {
  const auto is_small = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (at < 2 || at >= text.size()) return false;
  const bool is_part = text[at - 1] == '.' && (is_small(text[at]) || is_capital(text[at]));
  if (!is_part && !(is_small(text[at - 1]) && is_capital(text[at]))) return false;
  const std::size_t begin = text.rfind(' ', at) + 1;
  return text.substr(begin, text.find(' ', at) - begin).find('/') == std::string_view::npos;
}

bool is_to_be_copied(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const bool is_text = line.find(": ") != std::string_view::npos;  // "--layer-weights conv1=6: noise 11 %"
  return (line.starts_with("--") && !is_text) || line.starts_with("narrow ") ||
         line.find(": --") != std::string_view::npos;
}

std::string broken(std::string_view line, std::size_t columns) {
  constexpr std::size_t kFurtherIn = 2;
  constexpr std::size_t kNarrowest = 20;
  const std::size_t blank = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t text = begin_of_text(line);
  const std::size_t begin = text > 0 ? text : blank;
  const std::size_t hang = text > 0 ? text : blank + kFurtherIn;
  if (hang + kNarrowest > columns) return std::string(line);
  std::string out(line.substr(0, begin));
  // The first line has its own width, so that all are broken anew behind it.
  std::vector<std::string> parts = wrapped(line.substr(begin), columns - begin);
  out += parts.front();
  const std::size_t taken = std::min(begin + parts.front().size(), line.size());
  std::string_view rest = line.substr(taken);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (rest.empty()) return out;
  for (const std::string& part : wrapped(rest, columns - hang)) out += "\n" + std::string(hang, ' ') + part;
  return out;
}

}  // namespace

std::size_t longest_part(std::string_view text) {
  std::size_t longest = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool is_end = i == text.size() || text[i] == ' ';
    if (!is_end && !is_break(text, i)) continue;
    longest = std::max(longest, columns_of(text.substr(begin, i - begin)));
    begin = is_end ? i + 1 : i;
  }
  return longest;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  while (columns_of(text) > width) {
    std::size_t end = 0;
    std::size_t space = std::string_view::npos;
    std::size_t within = std::string_view::npos;  // a word
    for (std::size_t seen = 0; end < text.size() && seen <= width; ++end) {
      if (text[end] == ' ') space = end;
      if (is_break(text, end)) within = end;
      seen += columns_of(text.substr(end, 1));
    }
    if (space == 0) space = std::string_view::npos;
    if (space == std::string_view::npos && within != std::string_view::npos) {
      lines.emplace_back(text.substr(0, within));
      text.remove_prefix(within);
      continue;
    }
    // Another word that is longer than a line is printed whole.
    if (space == std::string_view::npos) space = text.find(' ', 1);
    if (space == std::string_view::npos) break;
    lines.emplace_back(text.substr(0, space));
    text.remove_prefix(space + 1);
  }
  lines.emplace_back(text);
  return lines;
}

std::string with_broken_lines(std::string_view text, std::size_t columns) {
  if (columns == 0) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const bool stays =
        columns_of(line) <= columns || line.find('\x1b') != std::string_view::npos || is_to_be_copied(line);
    out += stays ? std::string(line) : broken(line, columns);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace narrow::cli
