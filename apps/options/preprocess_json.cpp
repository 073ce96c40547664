// The JSON file of --preprocess.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "apps/options/json_object.h"
#include "apps/options/preprocess_dialects.h"
#include "apps/options/preprocess_options.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

using Json = nlohmann::json;

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
    return Error{ErrorCode::kMalformed, "not JSON", path + ", byte " + std::to_string(problem.byte)};
  } catch (const Json::exception&) {  // a number that no double holds
    return Error{ErrorCode::kMalformed, "not JSON", path};
  }
}

// Narrow's own keys.
Result<Preprocessing> read_own(const Json& json, const std::string& path) {
  static const std::vector<std::string> kKeys{"resize",    "crop",     "mean",  "std", "interpolation",
                                              "antialias", "channels", "order", "exif"};
  const JsonObject object(json, path);
  NARROW_TRY(object.check_keys(kKeys, {}));
  const bool resizes = object.has("resize");
  Preprocessing result;
  if (resizes) {
    NARROW_ASSIGN(const Sides resize, object.sides("resize"));
    result.resize = resize.first;
    result.resize_width = resize.width;
  }
  // Without a crop, a resize to height and width is the network's input.
  if (!object.has("crop") && !result.resize_width) return object.wrong("the key 'crop' is missing");
  for (const char* key : {"mean", "std"}) {
    if (!object.has(key)) return object.wrong(std::string("the key '") + key + "' is missing");
  }
  Sides crop{result.resize.value_or(0), result.resize_width};
  if (object.has("crop")) {
    NARROW_ASSIGN(crop, object.sides("crop"));
  }
  result.crop_height = crop.first;
  result.crop_width = crop.width_or_side();
  if (object.has("channels")) {
    const Json& channels = object.at("channels");
    if (channels != 1 && channels != 3) return object.wrong("'channels' must be 3 (RGB) or 1 (gray)");
    result.channels = channels.get<int>();
  }
  NARROW_ASSIGN(const std::vector<double> mean, object.channels("mean", result.channels));
  NARROW_ASSIGN(const std::vector<double> std, object.channels("std", result.channels));
  for (std::size_t c = 0; c < mean.size(); ++c) {
    result.mean[c] = static_cast<float>(mean[c]);
    result.std[c] = static_cast<float>(std[c]);
  }
  NARROW_ASSIGN(result.interpolation, object.interpolation("interpolation", Interpolation::kBilinear));
  NARROW_ASSIGN(result.antialias, object.flag("antialias", true));
  NARROW_ASSIGN(result.exif_orientation, object.flag("exif", false));
  NARROW_ASSIGN(const std::string order, object.text("order"));
  if (!order.empty() && order != "rgb" && order != "bgr") return object.wrong("'order' must be \"rgb\" or \"bgr\"");
  result.order = order == "bgr" ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  return result;
}

}  // namespace

Result<Preprocessing> read_preprocessing(const std::string& path) {
  NARROW_ASSIGN(const Json json, read_json(path));
  if (!json.is_object()) {
    return Error{ErrorCode::kMalformed, "expected an object with the keys resize, crop, mean, std", path};
  }
  NARROW_ASSIGN(std::optional<Preprocessing> result, read_dialect(json, path));
  if (!result) {
    NARROW_ASSIGN(result, read_own(json, path));
  }
  if (Status status = validate(*result); !status.ok()) return JsonObject(json, path).wrong(status.error().message);
  return *result;
}

}  // namespace narrow::cli
