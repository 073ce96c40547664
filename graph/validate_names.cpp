#include <string_view>
#include <unordered_set>

#include "base/text.h"
#include "base/try.h"
#include "graph/validate_parts.h"

namespace narrow::graph {
namespace {

template <class Items>
Status check(const char* what, const Items& items) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& name = items[i].name;
    const auto position = [&] { return base::joined({what, " ", i}); };
    if (name.empty()) return Error{ErrorCode::kMalformed, base::joined({position(), " has no name"}), position()};
    if (name.size() > base::kMaxTextBytes) {
      return Error{ErrorCode::kLimit,
                   base::joined({"the name of ", position(), " is longer than ", base::kMaxTextBytes, " bytes"}),
                   position()};
    }
    if (!base::text_problem(name).empty()) {
      return Error{ErrorCode::kMalformed, base::joined({"the name of ", position(), " is not printable UTF-8"}),
                   position()};
    }
    if (!seen.insert(name).second) {
      return Error{ErrorCode::kMalformed, base::joined({"two ", what, "s are named '", name, "'"}), name};
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
