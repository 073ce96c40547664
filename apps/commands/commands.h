// The subcommands, each in a file of its own.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>

#include "apps/report/console.h"

namespace narrow::cli {

struct Command {
  CLI::App* app = nullptr;
  std::shared_ptr<bool> json;        // whether --json was given; known after parsing
  std::function<int(Console&)> run;  // does the work, returns the exit code
};

// Each adds its subcommand to `parent`.
[[nodiscard]] Command add_classify(CLI::App& parent);
[[nodiscard]] Command add_quantize(CLI::App& parent);
[[nodiscard]] Command add_evaluate(CLI::App& parent);
[[nodiscard]] Command add_bench(CLI::App& parent);
[[nodiscard]] Command add_inspect(CLI::App& parent);
[[nodiscard]] Command add_convert(CLI::App& parent);
[[nodiscard]] Command add_operators(CLI::App& parent);

// Takes the exit code out of a Result<int>; an error is reported and becomes kFailure.
[[nodiscard]] inline int finish(Console& console, const Result<int>& result) {
  return result.ok() ? *result : console.fail(result.error());
}

}  // namespace narrow::cli
