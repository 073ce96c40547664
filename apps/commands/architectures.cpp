// narrow architectures: lists the networks by name, for files of weights.
#include <memory>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/options/options.h"
#include "apps/report/json.h"
#include "apps/text/table.h"
#include "apps/text/words.h"
#include "narrow/architectures.h"

namespace narrow::cli {

namespace {

int list_architectures(Console& console) {
  const std::vector<ArchitectureInfo> all = architecture_table();
  Table table({"architecture", "input", ">parameters", ">classes", "preprocessing"});
  table.may_leave_out({"parameters", "preprocessing"});
  for (const ArchitectureInfo& row : all) {
    table.add({row.name, shape_text({row.input_size, row.input_size, row.preprocessing.channels}),
               count_text(row.parameters), std::to_string(row.classes), row.preset});
  }
  console.print(table.text());
  console.result(architectures_json(all));
  return kSuccess;
}

constexpr const char* kArchitecturesExamples =
    "Examples:\n"
    "  narrow architectures                              the names for --arch\n"
    "  narrow architectures --json | jq '.architectures[].name'\n"
    "\n"
    "preprocessing: the preset of --preprocess that is usual. Parameters are those with the usual number of\n"
    "classes. A file of weights decides how many classes there are, and --input-size the input. The keys of most "
    "files\n"
    "tell the architecture, so that --arch is not needed.";

}  // namespace

Command add_architectures(CommandLine& line) {
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("architectures", "List the networks by name, for files of weights", kArchitecturesExamples);
  add_json_option(command, *json);
  return {command, json, list_architectures};
}

}  // namespace narrow::cli
