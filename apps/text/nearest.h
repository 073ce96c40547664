// The known word that a mistyped one probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace narrow::cli {

// The known word with the fewest letters to insert, remove, replace or exchange with the next one. Empty if that takes
// more than a third of the word's letters (at least one letter is allowed).
[[nodiscard]] std::string nearest_word(std::string_view word, std::span<const std::string> known);

}  // namespace narrow::cli
