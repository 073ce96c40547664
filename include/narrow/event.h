// What an importer, a rewrite or the quantizer did or found, for reports.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace narrow {

// One thing that happened to a network between its file and the model. Programs read `kind` and `subject`; people read
// `text`.
struct Event {
  enum class Kind : std::uint8_t {
    kRead,      // how a part of the file was understood
    kFolded,    // a node became part of its neighbours' weights
    kFused,     // a node became part of the node before it
    kRemoved,   // a node that changes nothing, or that the output does not depend on
    kMerged,    // several nodes became one
    kMoved,     // a node changed its place
    kNarrowed,  // an integer range became smaller
    kInserted,  // a node that the network did not have
    kReplaced,  // a node became another operator, or reads another tensor
    kNote,      // something about one layer or tensor that its owner should know
    kSummary,   // a count over the whole network
  };

  Kind kind = Kind::kNote;
  std::string subject;  // the node, layer or tensor it is about; empty: the whole network
  std::string text;     // one sentence without a full stop, complete without the other fields

  friend bool operator==(const Event&, const Event&) = default;
};

// "read", "folded", "fused", ...: as programs see it in `--json`.
[[nodiscard]] std::string_view to_string(Event::Kind kind) noexcept;

}  // namespace narrow
