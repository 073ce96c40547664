// narrow operators: lists the ONNX operators that can be read.
#include <memory>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/options/options.h"
#include "apps/report/json.h"
#include "apps/text/table.h"
#include "apps/text/words.h"
#include "narrow/onnx.h"

namespace narrow::cli {

namespace {

int operators(Console& console) {
  const std::vector<OnnxOperator> all = onnx_operators();
  Table table({"|operator", "|how", "|limits"});
  for (const OnnxOperator& row : all) table.add({row.name, row.how, row.limits});
  console.print(table.text());
  console.result(operators_json(all));
  return kSuccess;
}

constexpr const char* kOperatorsExamples =
    "Examples:\n"
    "  narrow operators                                  what ONNX files may consist of\n"
    "  narrow operators --json | jq '.operators[].operator'\n"
    "\n"
    "What runs in float between integer layers is named by narrow quantize and narrow convert.";

}  // namespace

Command add_operators(CommandLine& line) {
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("operators", "List the ONNX operators that can be read, and how they run", kOperatorsExamples);
  add_json_option(command, *json);
  return {command, json, operators};
}

}  // namespace narrow::cli
