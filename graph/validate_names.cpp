#include <string_view>
#include <unordered_set>

#include "graph/limits.h"
#include "graph/validate_parts.h"

namespace narrow::graph {
namespace {

// Length of the UTF-8 sequence at the beginning of `bytes`, 0 if it is not one (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF).
std::size_t utf8_length(std::string_view bytes) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned char first = at(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || bytes.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool overlong = (first == 0xE0 && at(1) < 0xA0) || (first == 0xF0 && at(1) < 0x90);
  const bool surrogate = first == 0xED && at(1) >= 0xA0;
  const bool beyond = first == 0xF4 && at(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

// Names reach terminals and JSON: no control characters (escape sequences among them), no broken UTF-8.
bool is_printable(std::string_view name) {
  while (!name.empty()) {
    const auto first = static_cast<unsigned char>(name.front());
    if (first < 0x20 || first == 0x7F) return false;
    const std::size_t length = utf8_length(name);
    if (length == 0) return false;
    // U+0080..U+009F, the second set of control characters.
    if (first == 0xC2 && static_cast<unsigned char>(name[1]) < 0xA0) return false;
    name.remove_prefix(length);
  }
  return true;
}

template <class Items>
Status check(const char* what, const Items& items) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& name = items[i].name;
    const std::string position = std::string(what) + " " + std::to_string(i);
    if (name.empty()) return Error{ErrorCode::kMalformed, position + " has no name", position};
    if (name.size() > kMaxNameBytes) {
      return Error{ErrorCode::kLimit,
                   "the name of " + position + " is longer than " + std::to_string(kMaxNameBytes) + " bytes", position};
    }
    if (!is_printable(name)) {
      return Error{ErrorCode::kMalformed, "the name of " + position + " is not printable UTF-8", position};
    }
    if (!seen.insert(name).second) {
      return Error{ErrorCode::kMalformed, "two " + std::string(what) + "s are named '" + name + "'", name};
    }
  }
  return {};
}

}  // namespace

Status check_names(const Graph& graph) {
  NARROW_TRY(check("value", graph.values));
  return check("node", graph.nodes);
}

}  // namespace narrow::graph
