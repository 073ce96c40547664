#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "apps/report/evaluate_report.h"
#include "apps/report/json/json_parts.h"
#include "apps/text/words.h"

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
  if (report.shard) {
    document["shard"] = {
        {"index", report.shard->index + 1}, {"count", report.shard->count}, {"pictures", report.chosen}};
    document["settings"] = report.settings;
  }
  return written(document);
}

std::string merged_json(const MergedEvaluation& merged) {
  const Tally& tally = merged.tally;
  Json document;
  document["model"] = object(merged.network);
  document["pictures"] = {{"from", merged.images}, {"count", tally.images}, {"available", merged.available}};
  document["top1"] = object(tally, tally.top1);
  document["top5"] = object(tally, tally.top5);
  document["settings"] = merged.settings;
  document["merged"] = merged.files;
  return written(document);
}

Result<ShardEvaluation> read_shard_evaluation(std::string_view document, const std::string& file) {
  const Json json = Json::parse(document, nullptr, false);
  ShardEvaluation shard;
  shard.file = file;
  bool is_whole = json.is_object();
  const auto value = [&](const Json& object, const char* key) -> const Json& {
    static const Json kNothing;
    const auto at = object.is_object() ? object.find(key) : object.end();
    return at == object.end() ? kNothing : *at;
  };
  const auto number = [&](const Json& object, const char* key) -> std::uint64_t {
    const Json& found = value(object, key);
    if (!found.is_number_unsigned()) is_whole = false;
    return found.is_number_unsigned() ? found.get<std::uint64_t>() : 0;
  };
  const auto text = [&](const Json& object, const std::string& key) -> std::string {
    const Json& encoded = value(object, (key + "_encoded").c_str());
    if (encoded.is_string()) return percent_decoded(encoded.get<std::string>());
    const Json& found = value(object, key.c_str());
    if (!found.is_string() && !(found.is_null() && key == "file")) is_whole = false;
    return found.is_string() ? found.get<std::string>() : std::string();
  };
  const Json& model = value(json, "model");
  shard.network.file = text(model, "file");
  shard.network.architecture = text(model, "architecture");
  shard.network.bits = text(model, "bits");
  shard.network.arithmetic = text(model, "arithmetic");
  const Json& pictures = value(json, "pictures");
  const bool is_encoded = value(pictures, "from_encoded").is_array();
  for (const Json& name : value(pictures, is_encoded ? "from_encoded" : "from")) {
    if (!name.is_string()) continue;
    shard.images.push_back(is_encoded ? percent_decoded(name.get<std::string>()) : name.get<std::string>());
  }
  shard.available = number(pictures, "available");
  shard.tally.images = number(pictures, "count");
  shard.tally.top1 = number(value(json, "top1"), "right");
  shard.tally.top5 = number(value(json, "top5"), "right");
  shard.settings = text(json, "settings");
  const Json& part = value(json, "shard");
  const std::uint64_t index = number(part, "index");
  shard.shard.count = number(part, "count");
  shard.chosen = number(part, "pictures");
  if (!is_whole || index < 1 || index > shard.shard.count) {
    return Error{ErrorCode::kMalformed, "is no document of narrow evaluate --shard I/N --json", file};
  }
  shard.shard.index = index - 1;
  return shard;
}

}  // namespace narrow::cli
