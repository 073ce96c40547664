#include "narrow/event.h"

namespace narrow {
inline namespace v0 {

std::string_view to_string(Event::Kind kind) noexcept {
  switch (kind) {
    case Event::Kind::kRead:
      return "read";
    case Event::Kind::kFolded:
      return "folded";
    case Event::Kind::kFused:
      return "fused";
    case Event::Kind::kRemoved:
      return "removed";
    case Event::Kind::kMerged:
      return "merged";
    case Event::Kind::kMoved:
      return "moved";
    case Event::Kind::kNarrowed:
      return "narrowed";
    case Event::Kind::kInserted:
      return "inserted";
    case Event::Kind::kReplaced:
      return "replaced";
    case Event::Kind::kNote:
      return "note";
    case Event::Kind::kSummary:
      return "summary";
    case Event::Kind::kWarning:
      return "warning";
  }
  return "note";
}

}  // namespace v0
}  // namespace narrow
