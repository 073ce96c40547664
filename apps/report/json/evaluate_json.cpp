#include "apps/report/evaluate_report.h"
#include "apps/report/json/json_parts.h"

namespace narrow::cli {

std::string evaluate_json(const EvaluateReport& report) {
  const Tally& tally = report.tally;
  Json document;
  document["model"] = object(report.network);
  document["pictures"] = {{"from", report.images}, {"count", tally.images}, {"available", report.available}};
  document["left_out"] = list(report.left_out, [](const LeftOutFile& file) { return object(file); });
  document["preprocessing"] = object(report.preprocessing);
  document["preprocessing_is_assumed"] = report.preprocessing_is_assumed;
  document["notes"] = report.notes;
  document["top1"] = object(tally, tally.top1);
  document["top5"] = object(tally, tally.top5);
  document["speed"] = {{"pictures_per_second", report.images_per_second()},
                       {"pictures_per_second_with_decoding", report.images_per_second_with_decoding()},
                       {"network_seconds", report.time.network_seconds},
                       {"total_seconds", report.time.total_seconds}};
  add_kernels(document, report.network);
  document["threads"] = report.threads;
  document["batch"] = report.batch;
  if (!report.scores.empty()) document["scores"] = report.scores;
  return written(document);
}

}  // namespace narrow::cli
