// narrow operators: which ONNX operators can be read?
#include <memory>

#include "apps/commands/commands.h"
#include "apps/options/options.h"
#include "apps/report/text.h"
#include "narrow/float_model.h"
#include "narrow/onnx.h"

namespace narrow::cli {

namespace {

Result<int> operators(Console& console) {
  const std::vector<OnnxOperator> all = onnx_operators();
  Table table({"operator", "how", "limits"});
  Json rows = Json::array();
  for (const OnnxOperator& row : all) {
    table.add({row.name, row.how, row.limits});
    rows.push_back({{"operator", row.name}, {"how", row.how}, {"limits", row.limits}});
  }
  console.print(table.text());
  Json document;
  document["operators"] = std::move(rows);
  console.result(document);
  return kSuccess;
}

constexpr const char* kExamples =
    "Examples:\n"
    "  narrow operators                                  what ONNX files may consist of\n"
    "  narrow operators --json | jq '.operators[].operator'\n"
    "\n"
    "What runs in float between integer layers is named by narrow quantize and narrow convert.";

}  // namespace

Command add_operators(CLI::App& parent) {
  auto json = std::make_shared<bool>(false);
  CLI::App* app = parent.add_subcommand("operators", "List the ONNX operators that can be read, and how they run");
  app->footer(kExamples);
  add_json_option(*app, *json);
  return {app, json, [](Console& console) { return finish(console, operators(console)); }};
}

}  // namespace narrow::cli
