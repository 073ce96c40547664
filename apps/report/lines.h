// Lines that several reports share.
#pragma once

#include <span>
#include <string>

#include "apps/run/network.h"
#include "narrow/float_model.h"
#include "narrow/preprocess.h"

namespace narrow::cli {

// The lines of a report that list the preprocessing. is_assumed: neither the file nor an option specifies it; a line
// says so.
[[nodiscard]] std::string preprocessing_lines(const Preprocessing& preprocessing, bool is_assumed);
// "cifar_resnet20, input 32x32x3, 10 classes".
[[nodiscard]] std::string network_text(const FloatModel& network);
// The first line of a report about a network that ran.
[[nodiscard]] std::string network_line(const NetworkSummary& network);
// "note: ..." for each.
[[nodiscard]] std::string note_lines(std::span<const std::string> notes);

}  // namespace narrow::cli
