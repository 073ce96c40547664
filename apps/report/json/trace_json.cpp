#include "apps/report/json/json_parts.h"
#include "apps/report/trace_report.h"

namespace narrow::cli {

std::string trace_json(const TraceReport& report) {
  Json document;
  document["model"] = report.network;
  document["against"] = report.other.empty() ? Json() : Json(report.other);
  document["picture"] = report.image;
  document["folder"] = report.folder;
  document["compared"] = report.result.compared();
  document["notes"] = report.notes();
  document["begins"] = report.result.begins ? Json(report.result.rows[*report.result.begins].name) : Json();
  document["tensors"] = list(report.result.rows, [](const TraceRow& row) {
    Json of = {{"name", row.name}, {"op", row.op}, {"shape", object(row.shape)}, {"real_file", row.real_file}};
    if (row.quantization) {
      of["integer_file"] = row.integer_file;
      of["quantization"] = object(*row.quantization);
    }
    if (row.difference) {
      of["difference"] = {
          {"sqnr_db", row.difference->sqnr_db}, {"largest", row.difference->largest}, {"first", row.difference->first}};
    }
    return of;
  });
  return written(document);
}

}  // namespace narrow::cli
