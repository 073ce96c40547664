#include "apps/report/events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "apps/text/words.h"

namespace narrow::cli {
namespace {

Show shown_with(Event::Kind kind) {
  if (kind == Event::Kind::kNote) return Show::kNotes;
  return kind == Event::Kind::kWarning ? Show::kWarnings : Show::kDone;
}

bool is_rewrite(Event::Kind kind) {
  return shown_with(kind) == Show::kDone && kind != Event::Kind::kSummary && kind != Event::Kind::kRead;
}

}  // namespace

std::string rewrites_summary(std::span<const Event> events) {
  std::vector<std::pair<Event::Kind, int>> kinds;  // in the order of their first event
  for (const Event& event : events) {
    if (!is_rewrite(event.kind)) continue;
    const auto known =
        std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.first == event.kind; });
    if (known == kinds.end()) {
      kinds.emplace_back(event.kind, 1);
    } else {
      ++known->second;
    }
  }
  std::vector<std::string> parts;
  parts.reserve(kinds.size());
  for (const auto& [kind, count] : kinds) parts.push_back(std::to_string(count) + " " + std::string(to_string(kind)));
  return parts.empty() ? "nothing to simplify" : join(parts, ", ");
}

std::string event_lines(std::span<const Event> events, Show show, const std::string& prefix) {
  std::string out;
  for (const Event& event : events) {
    if (show == Show::kAll || show == shown_with(event.kind)) out += prefix + event.text + "\n";
  }
  return out;
}

}  // namespace narrow::cli
