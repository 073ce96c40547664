// What was probably meant by an option or a command that there is not. Hints are parts of sentences, "; did you mean
// '--model'?", or empty.
#pragma once

#include <string>
#include <vector>

namespace narrow::cli {

// What a command takes: "--threads", "-o", and the names of what stands without an option, "MODEL".
struct CommandArguments {
  std::vector<std::string> options;
  std::vector<std::string> positional;
};

// What was meant by an option that the command does not have.
[[nodiscard]] std::string option_hint(const std::string& name, const CommandArguments& known);

// What was meant by a command that is none: a mistyped one, one of another tool, an option, or the command for the file
// of this name. known: what the program takes without a command.
[[nodiscard]] std::string command_hint(const std::string& name, const std::vector<std::string>& commands,
                                       const CommandArguments& known);

}  // namespace narrow::cli
