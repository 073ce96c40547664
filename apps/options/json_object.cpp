#include "apps/options/json_object.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "apps/text/nearest.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

using Json = nlohmann::json;

struct JsonObject::Value {
  Json json;
};

namespace {

constexpr std::uintmax_t kMaxBytes = 1 << 20;

Result<Json> read_json(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return Error{ErrorCode::kNotFound, "there is no such file of preprocessing", path};
  }
  if (std::filesystem::file_size(path, ignored) > kMaxBytes) {
    return Error{ErrorCode::kLimit, "too large for a file of preprocessing", path};
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kIo, std::string("can't read it: ") + std::strerror(errno), path};
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& problem) {
    return Error{ErrorCode::kMalformed, "not JSON; expected an object with keys such as crop, mean and std",
                 path + ", byte " + std::to_string(problem.byte)};
  } catch (const Json::exception&) {  // a number that no double holds
    return Error{ErrorCode::kMalformed, "not JSON", path};
  }
}

// A list of transforms in their order, each an object of one key or a name, as one object. Error: a list of something
// else, or a crop before a resize, which an object can't say.
Result<Json> joined(const Json& list, const std::string& path) {
  Json result = Json::object();
  for (const Json& item : list.empty() ? Json::array({nullptr}) : list) {
    const bool is_name = item.is_string();  // of a transform without arguments: "ToTensor"
    if (!is_name && (!item.is_object() || item.size() != 1)) {
      return Error{ErrorCode::kMalformed,
                   "expected an object, or a list of transforms such as [{\"Resize\": 256}, {\"CenterCrop\": 224}]",
                   path};
    }
    std::string name = is_name ? item.get<std::string>() : item.begin().key();
    name.erase(0, name.rfind('.') + 1);  // "transforms.Resize"; nothing where there is no dot
    if (name == "Resize" && result.contains("CenterCrop")) {
      return Error{ErrorCode::kUnsupported,
                   "crops before it resizes, which is not supported; crop the images before, or leave the crop out",
                   path};
    }
    if (result.contains(name)) {
      return Error{ErrorCode::kUnsupported, "has the transform " + name + " twice; give each once", path};
    }
    result[name] = is_name || item.begin().value().is_null() ? Json::object() : item.begin().value();
  }
  return result;
}

// The transforms of {"Compose": [...]}, and the part for images of Hugging Face's processor_config.json. Else the
// document itself.
Json unwrapped(Json json) {
  if (!json.is_object()) return json;
  if (json.size() == 1 && json.contains("Compose") && json["Compose"].is_array()) return json["Compose"];
  if (json.contains("image_processor") && json["image_processor"].is_object()) return json["image_processor"];
  return json;
}

bool is_side(const Json& value) {
  return value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 && value.get<std::uint64_t>() <= kMaxSidePixels;
}

}  // namespace

JsonObject::JsonObject(std::shared_ptr<const Value> value, std::string path)
    : value_(std::move(value)), path_(std::move(path)) {}

Result<JsonObject> JsonObject::read(const std::string& path) {
  NARROW_ASSIGN(Json json, read_json(path));
  json = unwrapped(std::move(json));
  if (json.is_array()) {
    NARROW_ASSIGN(json, joined(json, path));
  }
  if (!json.is_object()) {
    return Error{ErrorCode::kMalformed, "expected an object with the keys resize, crop, mean, std", path};
  }
  return JsonObject(std::make_shared<const Value>(Value{std::move(json)}), path);
}

bool JsonObject::has(const char* key) const { return value_->json.contains(key) && !value_->json[key].is_null(); }

bool JsonObject::has_any(std::initializer_list<const char*> keys) const {
  return std::any_of(keys.begin(), keys.end(), [this](const char* key) { return has(key); });
}

std::vector<std::string> JsonObject::keys() const {
  std::vector<std::string> keys;
  for (const auto& item : value_->json.items()) {
    if (!item.value().is_null()) keys.push_back(item.key());
  }
  return keys;
}

bool JsonObject::is_object(const char* key) const { return value_->json[key].is_object(); }

bool JsonObject::is_text(const char* key) const { return value_->json[key].is_string(); }

Result<JsonObject> JsonObject::object(const char* key) const {
  if (!is_object(key)) return wrong(std::string("'") + key + "' must be an object");
  return JsonObject(std::make_shared<const Value>(Value{value_->json[key]}), path_);
}

std::vector<std::string> interpolation_names() {
  std::vector<std::string> names;
  for (const Interpolation interpolation : {Interpolation::kBilinear, Interpolation::kNearest, Interpolation::kBicubic,
                                            Interpolation::kArea, Interpolation::kLanczos, Interpolation::kHamming}) {
    names.emplace_back(to_string(interpolation));
  }
  return names;
}

std::optional<Interpolation> parse_interpolation(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const std::string_view prefix : {"pil.", "image.", "interpolationmode.", "pilimageresampling.", "resampling."}) {
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  }
  if (text == "box") return Interpolation::kArea;
  const std::vector<std::string> names = interpolation_names();
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return std::nullopt;
  return static_cast<Interpolation>(found - names.begin());
}

Status JsonObject::check_keys(std::span<const std::string> known, std::span<const std::string> ignored) const {
  for (const std::string& key : keys()) {
    const auto among = [&key](std::span<const std::string> list) {
      return std::find(list.begin(), list.end(), key) != list.end();
    };
    if (among(known) || among(ignored)) continue;
    const std::string meant = nearest(key, known);
    return wrong("unknown key '" + printable(key) + "'" + (meant.empty() ? ";" : "; did you mean '" + meant + "'?") +
                 (meant.empty() ? " known are " : " Known are ") + join(known, ", "));
  }
  return {};
}

Result<bool> JsonObject::flag(const char* key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (!value_->json[key].is_boolean()) return wrong(std::string("'") + key + "' must be true or false");
  return value_->json[key].get<bool>();
}

Result<double> JsonObject::number(const char* key, double otherwise) const {
  if (!has(key)) return otherwise;
  if (!value_->json[key].is_number() || !std::isfinite(value_->json[key].get<double>())) {
    return wrong(std::string("'") + key + "' must be a number");
  }
  return value_->json[key].get<double>();
}

Result<std::string> JsonObject::text(const char* key) const {
  if (!has(key)) return std::string();
  if (!value_->json[key].is_string()) return wrong(std::string("'") + key + "' must be a text");
  return value_->json[key].get<std::string>();
}

Result<int> JsonObject::side(const char* key) const {
  const Json& value = value_->json[key];
  if (is_side(value)) return value.get<int>();
  return wrong(std::string("'") + key + "' must be a whole number from 1 to " + std::to_string(kMaxSidePixels) +
               ", or a list of height and width");
}

Result<std::vector<int>> JsonObject::list_of_sides(const char* key, std::size_t count) const {
  const Json& list = value_->json[key];
  if (!list.is_array() || list.size() != count || !std::all_of(list.begin(), list.end(), is_side)) {
    return wrong(std::string("'") + key + "' must be a list of " + std::to_string(count) + " whole numbers from 1 to " +
                 std::to_string(kMaxSidePixels));
  }
  return list.get<std::vector<int>>();
}

Result<Sides> JsonObject::sides(const char* key) const {
  const Json& value = value_->json[key];
  Sides sides;
  if (!value.is_array()) {
    NARROW_ASSIGN(sides.first, side(key));
    return sides;
  }
  if (value.empty() || value.size() > 2) {
    return wrong(std::string("'") + key + "' must be a side, or a list of height and width");
  }
  NARROW_ASSIGN(const std::vector<int> list, list_of_sides(key, value.size()));
  sides.first = list.front();
  if (list.size() == 2) sides.width = list.back();
  return sides;
}

Result<std::vector<double>> JsonObject::channels(const char* key, int channels) const {
  const Json& value = value_->json[key];
  std::vector<Json> list;
  // One number is for all channels.
  if (value.is_number()) list.push_back(value);
  if (value.is_array()) list = value;
  if (list.size() == 1) list.insert(list.end(), static_cast<std::size_t>(channels - 1), list.front());
  const bool numbers = std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_number(); });
  if (!numbers || list.size() != static_cast<std::size_t>(channels)) {
    return wrong(std::string("'") + key + "' must be a list of " + std::to_string(channels) +
                 (channels == 1 ? " number, for gray pixels in 0..1"
                                : " numbers, for red, green and blue in 0..1; gray networks have \"channels\": 1"));
  }
  std::vector<double> values;
  for (const Json& item : list) {
    values.push_back(item.get<double>());
    if (std::fabs(values.back()) > static_cast<double>(std::numeric_limits<float>::max())) {
      return wrong(std::string("'") + key + "' holds a number that is too large");
    }
  }
  return values;
}

Result<Interpolation> JsonObject::interpolation(const char* key, Interpolation otherwise) const {
  if (!has(key)) return otherwise;
  const std::optional<Interpolation> known =
      value_->json[key].is_string() ? parse_interpolation(value_->json[key].get<std::string>()) : std::nullopt;
  if (!known) return wrong(std::string("'") + key + "' must be one of " + join(interpolation_names(), ", "));
  return *known;
}

}  // namespace narrow::cli
