#include "apps/report/classify_report.h"
#include "apps/report/json/json_parts.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

using cli::object;  // beside those of json_parts.h

Json object(const ClassifiedImage& image) {
  Json json{{"picture", image.image}};
  if (image.error) {
    json["error"] = object(*image.error);
    return json;
  }
  json["top"] = list(image.best, [](const ClassScore& best) {
    Json entry{{"class", best.class_index}, {"label", best.label}};
    if (best.probability) entry["probability"] = *best.probability;
    entry["score"] = best.score;
    return entry;
  });
  return json;
}

}  // namespace

std::string classify_json(const ClassifyReport& report) {
  Json document;
  document["model"] = object(report.network);
  document["preprocessing"] = object(report.preprocessing);
  document["preprocessing_is_assumed"] = report.preprocessing_is_assumed;
  document["notes"] = report.notes;
  add_kernels(document, report.network);
  document["threads"] = report.threads;
  document["failed"] = report.failed;
  document["left_out"] = list(report.left_out, [](const LeftOutFile& file) { return object(file); });
  document["pictures"] = list(report.images, [](const ClassifiedImage& image) { return object(image); });
  return written(document);
}

std::string answer_line(const ClassifiedImage& image, const std::string& settings) {
  Json document{{"picture", image.image}, {"index", image.index}, {"settings", settings}};
  document.update(object(image));
  add_encoded(document);
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<AnswerLine> read_answer_line(std::string_view line) {
  const Error wrong{
      ErrorCode::kMalformed, "is no answer of narrow classify --jsonl; choose another name for the output", {}};
  const Json json = Json::parse(line, nullptr, false);
  if (!line.starts_with(kAnswerBegin) || !json.is_object()) return wrong;
  const auto text_of = [&](const char* key) -> const std::string* {
    const auto at = json.find(key);
    return at != json.end() && at->is_string() ? at->get_ptr<const std::string*>() : nullptr;
  };
  const std::string* image = text_of("picture");
  const std::string* encoded = text_of("picture_encoded");
  const std::string* settings = text_of("settings");
  if (image == nullptr || settings == nullptr) return wrong;
  return AnswerLine{encoded != nullptr ? percent_decoded(*encoded) : *image, *settings, json.contains("error")};
}

}  // namespace narrow::cli
