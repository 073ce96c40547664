#include "apps/options/json_object.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "apps/text/nearest.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

using Json = nlohmann::json;

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
  constexpr std::string_view kTorchvision = "interpolationmode.";
  if (text.starts_with(kTorchvision)) text.erase(0, kTorchvision.size());
  if (text == "box") return Interpolation::kArea;
  const std::vector<std::string> names = interpolation_names();
  const auto found = std::find(names.begin(), names.end(), text);
  if (found == names.end()) return std::nullopt;
  return static_cast<Interpolation>(found - names.begin());
}

Status JsonObject::check_keys(std::span<const std::string> known, std::span<const std::string> ignored) const {
  for (const auto& item : json_.items()) {
    if (item.value().is_null()) continue;
    const auto among = [&item](std::span<const std::string> keys) {
      return std::find(keys.begin(), keys.end(), item.key()) != keys.end();
    };
    if (among(known) || among(ignored)) continue;
    const std::string nearest = nearest_word(item.key(), known);
    return wrong("unknown key '" + printable(item.key()) + "'" +
                 (nearest.empty() ? "" : "; did you mean '" + nearest + "'?") + " Known are " + join(known, ", "));
  }
  return {};
}

Result<bool> JsonObject::flag(const char* key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (!at(key).is_boolean()) return wrong(std::string("'") + key + "' must be true or false");
  return at(key).get<bool>();
}

Result<double> JsonObject::number(const char* key, double otherwise) const {
  if (!has(key)) return otherwise;
  if (!at(key).is_number() || !std::isfinite(at(key).get<double>())) {
    return wrong(std::string("'") + key + "' must be a number");
  }
  return at(key).get<double>();
}

Result<std::string> JsonObject::text(const char* key) const {
  if (!has(key)) return std::string();
  if (!at(key).is_string()) return wrong(std::string("'") + key + "' must be a text");
  return at(key).get<std::string>();
}

Result<int> JsonObject::side(const char* key, const Json& value) const {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 && value.get<std::uint64_t>() <= kMaxSidePixels) {
    return value.get<int>();
  }
  return wrong(std::string("'") + key + "' must be a whole number from 1 to " + std::to_string(kMaxSidePixels) +
               ", or a list of height and width");
}

Result<Sides> JsonObject::sides(const char* key) const {
  const Json& value = at(key);
  Sides sides;
  if (!value.is_array()) {
    NARROW_ASSIGN(sides.first, side(key, value));
    return sides;
  }
  if (value.empty() || value.size() > 2) {
    return wrong(std::string("'") + key + "' must be a side, or a list of height and width");
  }
  NARROW_ASSIGN(sides.first, side(key, value[0]));
  if (value.size() == 2) {
    NARROW_ASSIGN(sides.width, side(key, value[1]));
  }
  return sides;
}

Result<std::vector<double>> JsonObject::channels(const char* key, int channels) const {
  const Json& list = at(key);
  const bool numbers =
      list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& item) { return item.is_number(); });
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
      at(key).is_string() ? parse_interpolation(at(key).get<std::string>()) : std::nullopt;
  if (!known) return wrong(std::string("'") + key + "' must be one of " + join(interpolation_names(), ", "));
  return *known;
}

}  // namespace narrow::cli
