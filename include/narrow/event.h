// Reports of what an importer, a rewrite or the quantizer did or found.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// One thing that was done to a network, or found in it, between its file and the model. Programs read `kind` and
// `subject`; users read `text`.
struct Event {
  enum class Kind : std::uint8_t {
    kRead,      // how a part of the file was understood
    kFolded,    // a node became part of its neighbours' weights
    kFused,     // a node became the clamp of the node before it
    kRemoved,   // a node that changed nothing, or that the output did not depend on, was removed
    kMerged,    // several nodes became one
    kMoved,     // a node moved to another position
    kNarrowed,  // an integer range became smaller
    kInserted,  // a node was added
    kReplaced,  // a node became another operator, or reads another tensor
    kNote,      // a fact about one layer or tensor that the user should know
    kSummary,   // a count over the whole network
    kWarning,   // something that is probably wrong, with the next step
  };

  Kind kind = Kind::kNote;
  // The node, layer or tensor that the event is about; "calibration" or "preparation" of the network; empty: the whole
  // network.
  std::string subject;
  std::string text;  // one sentence without a full stop, which can be understood without the other fields

  friend bool operator==(const Event&, const Event&) = default;
};

// "read", "folded", "fused", ...: the name of the kind in `--json`.
[[nodiscard]] std::string_view to_string(Event::Kind kind) noexcept;

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
