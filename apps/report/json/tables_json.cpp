#include "apps/report/json.h"
#include "apps/report/json/json_parts.h"

namespace narrow::cli {

std::string architectures_json(std::span<const ArchitectureInfo> architectures) {
  Json document;
  document["architectures"] = list(architectures, [](const ArchitectureInfo& row) {
    return Json{{"name", row.name},       {"input_size", row.input_size}, {"parameters", row.parameters},
                {"classes", row.classes}, {"preset", row.preset},         {"preprocessing", object(row.preprocessing)}};
  });
  return written(document);
}

std::string operators_json(std::span<const OnnxOperator> operators) {
  Json document;
  document["operators"] = list(operators, [](const OnnxOperator& row) {
    return Json{{"operator", row.name}, {"how", row.how}, {"limits", row.limits}};
  });
  return written(document);
}

}  // namespace narrow::cli
