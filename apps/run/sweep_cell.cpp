#include "apps/run/sweep_cell.h"
#include "base/try.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <system_error>

#include "apps/run/content_hash.h"
#include "apps/text/words.h"

namespace narrow::cli {

namespace {

using Json = nlohmann::ordered_json;

Status hash_folder(const std::filesystem::path& path, ContentHash& hash, std::uintmax_t& bytes) {
  std::vector<std::string> lines;
  std::error_code error;
  for (auto entry = std::filesystem::recursive_directory_iterator(path, error);
       !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code not_a_file;
    const std::uintmax_t size = entry->file_size(not_a_file);
    if (not_a_file) continue;
    bytes += size;
    lines.push_back(entry->path().lexically_relative(path).string() + '\n' + std::to_string(size) + '\n');
  }
  if (error) return Error{ErrorCode::kIo, "can't read it: " + error.message(), path.string()};
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) hash.add(line);
  return {};
}

// JSON has no infinite numbers: they become null.
double number(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::infinity() : json.get<double>();
}

Json of_interval(double value, const Interval& interval) { return Json::array({value, interval.low, interval.high}); }

double value_of(const Json& json, Interval& interval) {
  interval = {number(json.at(1)), number(json.at(2))};
  return number(json.at(0));
}

Json json_of(const Agreement& agreement) {
  Json json;
  json["images"] = agreement.images;
  json["same_top1"] = agreement.same_top1;
  json["same_top1_interval"] = {agreement.same_top1_interval.low, agreement.same_top1_interval.high};
  json["kl_divergence"] = of_interval(agreement.kl_divergence, agreement.kl_divergence_interval);
  if (agreement.sqnr_db) json["sqnr_db"] = of_interval(*agreement.sqnr_db, agreement.sqnr_db_interval);
  return json;
}

Agreement agreement_in(const Json& json) {
  Agreement agreement;
  agreement.images = json.at("images").get<std::size_t>();
  agreement.same_top1 = json.at("same_top1").get<std::size_t>();
  agreement.same_top1_interval = {json.at("same_top1_interval").at(0).get<double>(),
                                  json.at("same_top1_interval").at(1).get<double>()};
  agreement.kl_divergence = value_of(json.at("kl_divergence"), agreement.kl_divergence_interval);
  if (json.contains("sqnr_db")) agreement.sqnr_db = value_of(json.at("sqnr_db"), agreement.sqnr_db_interval);
  return agreement;
}

SweepCell cell_in(const Json& json) {
  SweepCell cell;
  cell.network = json.at("network").get<std::string>();
  cell.bits = json.at("bits").get<std::string>();
  cell.effort = json.at("effort").get<std::string>();
  cell.settings = json.at("settings").get<std::map<std::string, std::string>>();
  cell.bytes = json.at("bytes").get<std::size_t>();
  cell.images = json.at("images").get<std::size_t>();
  if (json.contains("top1")) {
    cell.tally = Tally{cell.images, json.at("top1").get<std::size_t>(), json.at("top5").get<std::size_t>()};
  }
  if (json.contains("agreement")) cell.agreement = agreement_in(json.at("agreement"));
  cell.median_seconds = json.at("median_seconds").get<double>();
  cell.quantize_seconds = json.at("quantize_seconds").get<double>();
  return cell;
}

}  // namespace

std::string cell_text(const SweepCell& cell) {
  Json json;
  json["network"] = cell.network;
  json["bits"] = cell.bits;
  json["effort"] = cell.effort;
  json["settings"] = cell.settings;
  json["bytes"] = cell.bytes;
  json["images"] = cell.images;
  if (cell.tally) {
    json["top1"] = cell.tally->top1;
    json["top5"] = cell.tally->top5;
  }
  if (cell.agreement) json["agreement"] = json_of(*cell.agreement);
  json["median_seconds"] = cell.median_seconds;
  json["quantize_seconds"] = cell.quantize_seconds;
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::optional<SweepCell> read_cell(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  try {
    return cell_in(Json::parse(file));
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

Result<std::string> fingerprint(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) {
    ContentHash hash;
    std::uintmax_t bytes = 0;
    std::error_code ignored;
    const bool is_folder = std::filesystem::is_directory(path, ignored);
    NARROW_TRY(is_folder ? hash_folder(path, hash, bytes) : hash_file(path, hash, bytes));
    text += (text.empty() ? "" : " ") + std::to_string(bytes) + ":" + hash.text();
  }
  return text;
}

}  // namespace narrow::cli
