#include "apps/report/pack_report.h"

#include "apps/report/json/json_parts.h"

namespace narrow::cli {

std::string pack_json(const PackReport& report) {
  Json document;
  document["model"] = report.model;
  document["output"] = report.output;
  document["output_bytes"] = report.output_bytes;
  document["isa"] = report.isa;
  document["core"] = report.core;
  return written(document);
}

}  // namespace narrow::cli
