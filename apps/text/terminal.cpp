#include "apps/text/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace narrow::cli {
namespace {

constexpr std::string_view kEnd = "\x1b[0m";
// In the order of Style.
constexpr std::array<std::string_view, 4> kSequences = {"", "\x1b[1m", "\x1b[33m", "\x1b[2m"};

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

// The bytes of the first `count` characters.
std::size_t bytes_of(std::string_view text, std::size_t count) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    if (begins_character(text[at]) && seen++ == count) break;
  }
  return at;
}

}  // namespace

Terminal output_terminal() {
  Terminal terminal;
  if (::isatty(STDOUT_FILENO) != 1) return terminal;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) terminal.columns = size.ws_col;
  const char* kind = std::getenv("TERM");
  const char* no_colours = std::getenv("NO_COLOR");
  terminal.colours =
      kind != nullptr && std::string_view(kind) != "dumb" && (no_colours == nullptr || *no_colours == '\0');
  return terminal;
}

std::string styled(std::string_view text, Style style, const Terminal& terminal) {
  const std::string_view begin = kSequences[static_cast<std::size_t>(style)];
  if (!terminal.colours || begin.empty() || text.empty()) return std::string(text);
  return std::string(begin) + std::string(text) + std::string(kEnd);
}

std::string_view style_sequence(std::string_view text) {
  for (const std::string_view known : kSequences) {
    if (!known.empty() && text.starts_with(known)) return known;
  }
  return text.starts_with(kEnd) ? kEnd : std::string_view();
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string shortened_in_the_middle(std::string_view text, std::size_t columns) {
  constexpr std::string_view kGap = "~";
  const std::size_t length = columns_of(text);
  if (length <= columns) return std::string(text);
  if (columns <= kGap.size()) return std::string(text.substr(0, bytes_of(text, columns)));
  // The end of a name tells more than its middle, and as much as its begin.
  const std::size_t kept = columns - kGap.size();
  const std::size_t at_end = (kept + 1) / 2;
  return std::string(text.substr(0, bytes_of(text, kept - at_end))) + std::string(kGap) +
         std::string(text.substr(bytes_of(text, length - at_end)));
}

}  // namespace narrow::cli
