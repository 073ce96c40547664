#include "apps/report/events.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "apps/text/words.h"

namespace narrow::cli {

std::string rewrites_summary(std::span<const Event> events) {
  std::vector<std::pair<Event::Kind, int>> kinds;  // in the order of their first event
  for (const Event& event : events) {
    if (event.kind == Event::Kind::kNote || event.kind == Event::Kind::kSummary || event.kind == Event::Kind::kRead) {
      continue;
    }
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
    const bool is_note = event.kind == Event::Kind::kNote;
    if (show == Show::kAll || is_note == (show == Show::kNotes)) out += prefix + event.text + "\n";
  }
  return out;
}

}  // namespace narrow::cli
