#include "apps/options/preprocess_options.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "apps/options/json_object.h"
#include "apps/options/options.h"
#include "apps/text/nearest.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

constexpr const char* kExtension = ".json";

bool is_preset(const std::string& text) {
  const std::vector<std::string> presets = preprocessing_presets();
  return std::find(presets.begin(), presets.end(), text) != presets.end();
}

// The message for a mistyped preset lists the presets. The message for a mistyped file name is that of the system.
Check preset_or_file() {
  return [](const std::string& text) -> std::string {
    std::error_code ignored;
    if (is_preset(text) || std::filesystem::path(text).extension() == kExtension ||
        std::filesystem::is_regular_file(text, ignored)) {
      return {};
    }
    return "unknown value '" + text + "'" + did_you_mean(text, preprocessing_presets()) +
           "; valid: " + join(preprocessing_presets(), ", ") + ", or a file name that " + "ends in " + kExtension;
  };
}

// The numbers of "256" or "224,224"; none where the text is something else.
std::vector<int> sides_in(const std::string& text) {
  std::vector<int> sides;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at <= end && sides.size() < 3;) {
    int side = 0;
    const auto [stop, error] = std::from_chars(at, end, side);
    if (error != std::errc() || side < 1 || side > kMaxSidePixels || (stop != end && *stop != ',')) return {};
    sides.push_back(side);
    at = stop + 1;
  }
  return sides.size() <= 2 ? sides : std::vector<int>();
}

// "none", "256" or "224,224".
Check resize_text() {
  return [](const std::string& text) -> std::string {
    if (text == "none" || !sides_in(text).empty()) return {};
    return "unknown value '" + text + "'; valid: none, or a whole number from 1 to " + std::to_string(kMaxSidePixels) +
           ", or two of them with a comma: height and width";
  };
}

}  // namespace

void add_preprocess_options(const Subcommand& command, PreprocessFlags& flags) {
  const std::string group = "Preprocessing";
  command
      .add("--preprocess", flags.preset,
           "How images become the network's input: " + join(preprocessing_presets(), ", ") +
               ", or a JSON file (its keys, and those of Hugging Face, timm and torchvision: docs/cli.md)")
      .check(preset_or_file())
      .type_name("PRESET|FILE")
      .group(group);
  command
      .add("--resize", flags.resize,
           "Length of the shorter side before the crop, or height and width without keeping the aspect, or none")
      .check(resize_text())
      .type_name("N|H,W|none")
      .group(group);
  command.add("--crop", flags.crop, "Side of the centre crop, which is the network's input")
      .check(whole_number(1, 8192))
      .type_name("N")
      .group(group);
  command
      .add("--interpolation", flags.interpolation, "How the resize mixes pixels: " + join(interpolation_names(), ", "))
      .check(one_of(interpolation_names()))
      .type_name("NAME")
      .group(group);
  command
      .add("--antialias", flags.antialias,
           "on: the filter grows with the reduction, as in Pillow; off: it does not, as in OpenCV")
      .check(one_of({"on", "off"}))
      .type_name("on|off")
      .group(group);
  command.add("--channel-order", flags.order, "Order of the channels of the network's input")
      .check(one_of({"rgb", "bgr"}))
      .type_name("rgb|bgr")
      .group(group);
  command.add_flag("--exif", flags.exif, "Turn images upright as their EXIF orientation says").group(group);
}

Result<Preprocessing> apply(const PreprocessFlags& flags, Preprocessing base) {
  if (is_preset(flags.preset)) {
    NARROW_ASSIGN(base, preprocessing_preset(flags.preset));
  } else if (!flags.preset.empty()) {
    NARROW_ASSIGN(base, read_preprocessing(flags.preset));
  }
  if (flags.resize == "none") {
    base.resize = std::nullopt;
    base.resize_width = std::nullopt;
  } else if (!flags.resize.empty()) {
    const std::vector<int> sides = sides_in(flags.resize);
    base.resize = sides.front();
    base.resize_width = sides.size() == 2 ? std::optional<int>(sides.back()) : std::nullopt;
  }
  if (!flags.interpolation.empty()) {
    base.interpolation = parse_interpolation(flags.interpolation).value_or(base.interpolation);
  }
  if (!flags.antialias.empty()) base.antialias = flags.antialias == "on";
  if (!flags.order.empty()) base.order = flags.order == "bgr" ? ChannelOrder::kBgr : ChannelOrder::kRgb;
  if (flags.exif) base.exif_orientation = true;
  if (flags.crop != 0) base.crop_height = base.crop_width = flags.crop;
  NARROW_TRY(validate(base));
  return base;
}

}  // namespace narrow::cli
