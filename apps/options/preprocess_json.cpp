// The JSON file of --preprocess.
#include <cmath>
#include <optional>
#include <vector>

#include "apps/options/json_object.h"
#include "apps/options/preprocess_dialects.h"
#include "apps/options/preprocess_options.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

// Narrow's own keys.
Result<Preprocessing> read_own(const JsonObject& object) {
  static const std::vector<std::string> kKeys{"resize",    "crop",     "mean",  "std", "interpolation",
                                              "antialias", "channels", "order", "exif"};
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
    NARROW_ASSIGN(const double channels, object.number("channels", 3));
    if (channels != 1 && channels != 3) return object.wrong("'channels' must be 3 (RGB) or 1 (gray)");
    result.channels = static_cast<int>(channels);
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
  NARROW_ASSIGN(std::string order, object.text("order"));
  for (char& c : order) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (!order.empty() && order != "rgb" && order != "bgr") return object.wrong("'order' must be \"rgb\" or \"bgr\"");
  result.order = order == "bgr" ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  return result;
}

}  // namespace

Result<Preprocessing> read_preprocessing(const std::string& path) {
  NARROW_ASSIGN(const JsonObject object, JsonObject::read(path));
  NARROW_ASSIGN(std::optional<Preprocessing> result, read_dialect(object));
  if (!result) {
    NARROW_ASSIGN(result, read_own(object));
  }
  constexpr float kMost = 4;  // far from what pixels in 0..1 have
  for (std::size_t c = 0; c < static_cast<std::size_t>(result->channels); ++c) {
    if (std::fabs(result->mean[c]) > kMost || result->std[c] > kMost) {
      return object.wrong(
          "mean and std are not of pixels in 0..1; divide numbers for pixels in 0..255 by 255, as 123.675 to 0.485");
    }
  }
  if (Status status = validate(*result); !status.ok()) return object.wrong(status.error().message);
  return *result;
}

}  // namespace narrow::cli
