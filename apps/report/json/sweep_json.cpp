#include "apps/report/json/json_parts.h"
#include "apps/report/sweep_report.h"
#include "narrow/version.h"

namespace narrow::cli {

namespace {

using cli::object;  // beside those of json_parts.h

Json object(const SweepCell& cell) {
  return {{"network", cell.network},
          {"bits", cell.bits},
          {"effort", cell.effort.empty() ? Json() : Json(cell.effort)},
          {"bytes", cell.bytes},
          {"images", cell.images},
          {"top1", cell.tally ? object(*cell.tally, cell.tally->top1) : Json()},
          {"top5", cell.tally ? object(*cell.tally, cell.tally->top5) : Json()},
          {"agreement", cell.agreement ? object(*cell.agreement) : Json()},
          {"ms_per_image", 1e3 * cell.median_seconds},
          {"quantize_seconds", cell.quantize_seconds},
          {"new", !cell.was_there},
          {"file", cell.command.empty() ? Json() : Json(cell.file.string())},
          {"command", cell.command.empty() ? Json() : Json(cell.command)}};
}

}  // namespace

std::string sweep_json(const SweepReport& report) {
  Json document;
  document["narrow"] = std::string(version());
  document["isa"] = report.isa;
  document["threads"] = report.threads;
  document["folder"] = report.folder;
  document["calibrate"] = report.calibrate;
  document["evaluate"] = report.evaluate;
  document["results"] = list(report.cells, [](const SweepCell& cell) { return object(cell); });
  return written(document, true);
}

}  // namespace narrow::cli
