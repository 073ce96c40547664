#include "apps/report/comparison_report.h"
#include "apps/report/json/json_parts.h"

namespace narrow::cli {

namespace {

using cli::object;  // beside those of json_parts.h

Json object(const LayerError& layer) {
  return {{"name", layer.layer},
          {"op", layer.op},
          {"local_db", layer.local_db ? Json(*layer.local_db) : Json()},
          {"cumulative_db", layer.cumulative_db},
          {"is_equalized", layer.is_equalized}};
}

}  // namespace

std::string comparison_json(const Comparison& comparison) { return written(object(comparison)); }

std::string compare_json(const CompareReport& report) {
  Json document = report.comparison
                      ? object(*report.comparison)
                      : Json{{"reference", {{"file", report.reference}}}, {"model", {{"file", report.other}}}};
  if (report.layers) {
    document["layer_inputs"] = {{"count", report.layers->images}, {"text", report.layer_inputs}};
    document["layers"] = list(report.layers->layers, [](const LayerError& layer) { return object(layer); });
    document["unmatched"] = report.layers->unmatched;
    document["mixed_tensors"] = report.layers->mixed_tensors;
  }
  return written(document);
}

}  // namespace narrow::cli
