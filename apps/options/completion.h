// Scripts that let a shell complete commands, options and files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/options/command_line.h"

namespace narrow::cli {

enum class Shell { kBash, kZsh, kFish };
// "bash", "zsh", "fish". Nothing for other names.
[[nodiscard]] std::optional<Shell> find_shell(const std::string& name);

[[nodiscard]] std::string completion_text(Shell shell, const std::vector<CommandText>& commands);

}  // namespace narrow::cli
