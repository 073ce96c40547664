// What was done to a network, as text.
#pragma once

#include <span>
#include <string>

#include "narrow/event.h"

namespace narrow::cli {

// "19 folded, 19 fused": the number of rewrites of each kind. Notes, summaries and warnings are not rewrites.
[[nodiscard]] std::string rewrites_summary(std::span<const Event> events);

// kDone: what is neither a note nor a warning.
enum class Show { kNotes, kWarnings, kDone, kAll };
// One line per event, each with `prefix` before it.
[[nodiscard]] std::string event_lines(std::span<const Event> events, Show show, const std::string& prefix);

}  // namespace narrow::cli
