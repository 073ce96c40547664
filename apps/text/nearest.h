// Suggests the word that was probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace narrow::cli {

// The candidate that `text` was probably meant to be: the one with the fewest changed, added, removed and exchanged
// letters, if they are few for its length, or else the only one that begins with `text`, or one that contains it or
// that it contains. Case does not count, and a digit counts as two letters. Empty: none is near.
[[nodiscard]] std::string nearest(std::string_view text, std::span<const std::string> candidates);

// "; did you mean 'inspect'?", or nothing.
[[nodiscard]] std::string did_you_mean(std::string_view text, std::span<const std::string> candidates);

}  // namespace narrow::cli
