// The subcommands. Each file of this folder holds one: its options and the order of its work.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/options/command_line.h"
#include "apps/report/console.h"
#include "narrow/result.h"

namespace narrow::cli {

struct Command {
  Subcommand options;
  std::shared_ptr<bool> json;        // whether --json was given; valid after parsing
  std::function<int(Console&)> run;  // does the work and returns the exit code
};

// Each function adds its subcommand to `line`.
[[nodiscard]] Command add_classify(CommandLine& line);
[[nodiscard]] Command add_embed(CommandLine& line);
[[nodiscard]] Command add_quantize(CommandLine& line);
[[nodiscard]] Command add_evaluate(CommandLine& line);
[[nodiscard]] Command add_compare(CommandLine& line);
[[nodiscard]] Command add_sweep(CommandLine& line);
[[nodiscard]] Command add_bench(CommandLine& line);
[[nodiscard]] Command add_inspect(CommandLine& line);
[[nodiscard]] Command add_convert(CommandLine& line);
[[nodiscard]] Command add_bundle(CommandLine& line);
[[nodiscard]] Command add_embed_source(CommandLine& line);
[[nodiscard]] Command add_pack(CommandLine& line);
[[nodiscard]] Command add_report(CommandLine& line);
[[nodiscard]] Command add_trace(CommandLine& line);
[[nodiscard]] Command add_architectures(CommandLine& line);
[[nodiscard]] Command add_operators(CommandLine& line);

// The classify command as that of a program whose model is a part of it: `line` has no other.
[[nodiscard]] Command add_bundled_classify(CommandLine& line, const std::string& program);

// Those that describe the command itself: help, version, completion, manual. line: outlives them, and has all others.
[[nodiscard]] std::vector<Command> add_about(CommandLine& line);
// The same with `commands` before them.
[[nodiscard]] std::vector<Command> with_about(CommandLine& line, std::vector<Command> commands);

// What the command of this build is. The full one is described in all_commands.cpp, the small one in apps/small/.
struct BuiltCommands {
  const char* description = "";
  const char* first_steps = "";
  const char* kind = "";  // follows the version: "" of the full command
  std::vector<Command> (*add)(CommandLine& line) = nullptr;
  std::vector<std::string> elsewhere = {};  // commands that the full command has and this one has not
};
[[nodiscard]] BuiltCommands built_commands();

// The exit code of a Result<int>. An error is reported and becomes kFailure.
[[nodiscard]] inline int finish(Console& console, const Result<int>& result) {
  return result.ok() ? *result : console.fail(result.error());
}

}  // namespace narrow::cli
