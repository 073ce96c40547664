#include "apps/text/nearest.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <vector>

namespace narrow::cli {
namespace {

constexpr std::size_t kLongest = 64;  // the work grows with the square of the length

std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    result += c == '_' || c == '-' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

// What it costs to add, remove or change a letter. Another digit is another thing: resnet20 is no misspelt resnet50.
std::size_t weight(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0 ? 2 : 1; }

// The letters to change, add, remove, or exchange with the next one (Damerau and Levenshtein), each with its weight.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i > 0 ? cost[i - 1][j] + weight(a[i - 1]) : j > 0 ? cost[i][j - 1] + weight(b[j - 1]) : 0;
        continue;
      }
      const bool same = a[i - 1] == b[j - 1];
      const std::size_t change = cost[i - 1][j - 1] + (same ? 0 : weight(a[i - 1]) + weight(b[j - 1]) - 1);
      cost[i][j] = std::min({cost[i - 1][j] + weight(a[i - 1]), cost[i][j - 1] + weight(b[j - 1]), change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view text, std::span<const std::string> candidates) {
  const std::string wanted = plain(text.substr(0, kLongest));
  std::string best;
  std::size_t least = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t changes = distance(wanted, plain(std::string_view(candidate).substr(0, kLongest)));
    if (changes >= least) continue;
    least = changes;
    best = candidate;
  }
  if (!best.empty() || wanted.size() < 3) return best;
  const auto begins = [&](const std::string& candidate) { return plain(candidate).rfind(wanted, 0) == 0; };
  if (std::count_if(candidates.begin(), candidates.end(), begins) == 1) {
    return *std::find_if(candidates.begin(), candidates.end(), begins);
  }
  // A part of a word, as cubic of bicubic, or a word with something around it, as fastest: the closest in length.
  constexpr std::size_t kLeastPart = 4;
  for (const std::string& candidate : candidates) {
    const std::string other = plain(candidate);
    const bool is_part = wanted.size() >= kLeastPart && other.find(wanted) != std::string::npos;
    const bool is_whole = other.size() >= kLeastPart && wanted.find(other) != std::string::npos;
    if (!is_part && !is_whole) continue;
    const auto difference = [&](const std::string& word) {
      return word.size() > wanted.size() ? word.size() - wanted.size() : wanted.size() - word.size();
    };
    if (best.empty() || difference(candidate) < difference(best)) best = candidate;
  }
  return best;
}

std::string did_you_mean(std::string_view text, std::span<const std::string> candidates) {
  const std::string near = nearest(text, candidates);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

}  // namespace narrow::cli
