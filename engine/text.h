// Text that may go into a model file and onto a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace narrow::engine {

// Of one name, label or provenance entry.
inline constexpr std::size_t kMaxTextBytes = 4096;

// What is wrong with `text`, as the end of a sentence ("is not valid UTF-8"); empty when nothing is. Fine is UTF-8
// (RFC 3629) without control characters, which a terminal would obey, of at most kMaxTextBytes.
[[nodiscard]] std::string text_problem(std::string_view text);

}  // namespace narrow::engine
