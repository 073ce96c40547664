// The JSON file of --preprocess.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/options/preprocess_options.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

using Json = nlohmann::json;

constexpr std::uintmax_t kMaxBytes = 1 << 20;
constexpr std::array<const char*, 6> kKeys = {"resize", "crop", "mean", "std", "interpolation", "channels"};

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

// Reads the values of an object one by one. The first wrong value is the error.
class PreprocessingReader {
 public:
  PreprocessingReader(const Json& json, const std::string& path) : json_(json), path_(path) {}

  Result<Preprocessing> read() {
    if (!json_.is_object()) return wrong("expected an object with the keys " + known_keys());
    for (const auto& item : json_.items()) {
      if (std::find(kKeys.begin(), kKeys.end(), item.key()) == kKeys.end()) {
        return wrong("unknown key '" + printable(item.key()) + "'; known are " + known_keys());
      }
    }
    for (const char* key : {"crop", "mean", "std"}) {
      if (!json_.contains(key)) return wrong(std::string("the key '") + key + "' is missing");
    }
    Preprocessing result;
    if (json_.contains("channels")) {
      NARROW_ASSIGN(result.channels, whole("channels", json_["channels"]));
      if (result.channels != 1 && result.channels != 3) return wrong("'channels' must be 3 (RGB) or 1 (gray)");
    }
    if (json_.contains("resize") && !json_["resize"].is_null()) {
      NARROW_ASSIGN(result.resize, whole("resize", json_["resize"]));
    }
    NARROW_TRY(read_crop(result));
    NARROW_TRY(read_numbers("mean", result.channels, result.mean));
    NARROW_TRY(read_numbers("std", result.channels, result.std));
    if (json_.contains("interpolation")) {
      const Json& name = json_["interpolation"];
      if (name == "nearest") {
        result.interpolation = Interpolation::kNearest;
      } else if (name != "bilinear") {
        return wrong("'interpolation' must be \"bilinear\" or \"nearest\"");
      }
    }
    if (Status status = validate(result); !status.ok()) return wrong(status.error().message);
    return result;
  }

 private:
  static std::string known_keys() {
    const std::vector<std::string> keys(kKeys.begin(), kKeys.end());
    return join(keys, ", ");
  }
  [[nodiscard]] Error wrong(std::string message) const { return {ErrorCode::kMalformed, std::move(message), path_}; }

  [[nodiscard]] Result<int> whole(const char* key, const Json& value) const {
    if (value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 && value.get<std::uint64_t>() <= 8192) {
      return value.get<int>();
    }
    return wrong(std::string("'") + key + "' must be a whole number from 1 to 8192");
  }

  Status read_crop(Preprocessing& result) const {
    const Json& crop = json_["crop"];
    if (!crop.is_array()) {
      NARROW_ASSIGN(result.crop_height, whole("crop", crop));
      result.crop_width = result.crop_height;
      return {};
    }
    if (crop.size() != 2) return wrong("'crop' must be the side of the crop, or a list of its height and width");
    NARROW_ASSIGN(result.crop_height, whole("crop", crop[0]));
    NARROW_ASSIGN(result.crop_width, whole("crop", crop[1]));
    return {};
  }

  Status read_numbers(const char* key, int channels, std::array<float, 3>& out) const {
    const Json& list = json_[key];
    const bool numbers =
        list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_number(); });
    if (!numbers || list.size() != static_cast<std::size_t>(channels)) {
      return wrong(std::string("'") + key + "' must be a list of " + std::to_string(channels) +
                   (channels == 1 ? " number, for gray pixels in 0..1"
                                  : " numbers, for red, green and blue in 0..1; gray networks have \"channels\": 1"));
    }
    for (std::size_t c = 0; c < list.size(); ++c) {
      const auto value = list[c].get<double>();
      if (std::fabs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
        return wrong(std::string("'") + key + "' holds a number that is too large");
      }
      out[c] = static_cast<float>(value);
    }
    return {};
  }

  const Json& json_;
  const std::string& path_;
};

}  // namespace

Result<Preprocessing> read_preprocessing(const std::string& path) {
  NARROW_ASSIGN(const Json json, read_json(path));
  return PreprocessingReader(json, path).read();
}

}  // namespace narrow::cli
