#include "apps/report/bundle_report.h"
#include "apps/report/json/json_parts.h"

namespace narrow::cli {

std::string bundle_json(const BundleReport& report) {
  Json document;
  document["model"] = report.model;
  document["model_bytes"] = report.model_bytes;
  document["command"] = report.command.empty() ? Json() : Json(report.command);
  document["command_bytes"] = report.command_bytes;
  document["output"] = report.output;
  document["output_bytes"] = report.output_bytes;
  return written(document);
}

std::string embed_source_json(const EmbedSourceReport& report) {
  Json document;
  document["model"] = report.model;
  document["model_bytes"] = report.model_bytes;
  document["output"] = report.output;
  document["function"] = report.function;
  return written(document);
}

}  // namespace narrow::cli
