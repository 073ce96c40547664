// What several commands have in common, as texts of `narrow help TOPIC`.
#pragma once

#include <span>
#include <string_view>

namespace narrow::cli {

struct HelpTopic {
  std::string_view name;
  std::string_view about;  // in one line
  bool of_models = false;  // also of a command that can't quantize
  std::string_view text;   // lines of at most 80 columns
};

[[nodiscard]] std::span<const HelpTopic> help_topics();

}  // namespace narrow::cli
