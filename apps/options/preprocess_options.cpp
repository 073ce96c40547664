#include "apps/options/preprocess_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <limits>
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

// The numbers of "256", "224,224" or "224x224"; none where the text is something else.
std::vector<int> sides_in(std::string text) {
  std::replace(text.begin(), text.end(), 'x', ',');
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
    const std::vector<std::string> words = {"none"};
    return "unknown value '" + text + "'" + did_you_mean(text, words) + "; valid: none, or a whole number from 1 to " +
           std::to_string(kMaxSidePixels) + ", or two of them with a comma: height and width";
  };
}

// "256" or "224,224".
Check sides_text() {
  return [](const std::string& text) -> std::string {
    if (!sides_in(text).empty()) return {};
    return "'" + text + "' is not a whole number from 1 to " + std::to_string(kMaxSidePixels) +
           ", nor two of them with a comma: height and width";
  };
}

// The numbers of "0.485,0.456,0.406" or "0.5"; none where the text is something else.
std::vector<double> channel_numbers_in(const std::string& text) {
  std::vector<double> numbers;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at <= end && numbers.size() < 4;) {
    double number = 0;
    const auto [stop, error] = std::from_chars(at, end, number);
    if (error != std::errc() || !std::isfinite(number) || (stop != end && *stop != ',')) return {};
    numbers.push_back(number);
    at = stop + 1;
  }
  return numbers.size() == 1 || numbers.size() == 3 ? numbers : std::vector<double>();
}

// lowest: what every number must be above.
Check channel_numbers_text(double lowest, std::string must_be) {
  return [lowest, must_be](const std::string& text) -> std::string {
    const std::vector<double> numbers = channel_numbers_in(text);
    if (numbers.empty()) {
      return "'" + text + "' is not one number, nor three with commas, as 0.485,0.456,0.406";
    }
    const auto wrong = [&text](const std::string& what) { return "'" + text + "' " + what; };
    for (const double number : numbers) {
      if (!(number > lowest)) return wrong("must be " + must_be);
      // Far from what pixels in 0..1 have, and what files of numbers for 0..255 have.
      constexpr double kMost = 4;
      if (std::fabs(number) > kMost) {
        return wrong("is not of pixels in 0..1; divide numbers for pixels in 0..255 by 255, as 123.675 to 0.485");
      }
    }
    return {};
  };
}

// Writes the numbers of a text that channel_numbers_text() accepted to the channels.
Status set_channels(const std::string& text, const char* option, int channels, std::array<float, 3>& values) {
  if (text.empty()) return {};
  const std::vector<double> numbers = channel_numbers_in(text);
  if (channels == 1 && numbers.size() != 1) {
    return Error{ErrorCode::kInvalidArgument, "the network takes gray images; give one number", option};
  }
  for (std::size_t c = 0; c < static_cast<std::size_t>(channels); ++c) {
    values[c] = static_cast<float>(numbers[numbers.size() == 1 ? 0 : c]);
  }
  return {};
}

}  // namespace

InputSize PreprocessFlags::crop_size() const {
  const std::vector<int> sides = sides_in(crop);
  return sides.empty() ? InputSize{0, 0} : InputSize{sides.front(), sides.back()};
}

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
  command.add("--crop", flags.crop, "Side, or height and width, of the centre crop, which is the network's input")
      .check(sides_text())
      .type_name("N|H,W")
      .group(group);
  command
      .add("--mean", flags.mean,
           "What is subtracted from each channel of pixels in 0..1, in the order of the network's channels; one number "
           "for all channels or gray")
      .check(channel_numbers_text(-std::numeric_limits<double>::infinity(), ""))
      .type_name("R,G,B")
      .group(group);
  command.add("--std", flags.std, "What each channel is then divided by")
      .check(channel_numbers_text(0, "above 0"))
      .type_name("R,G,B")
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
  if (const InputSize crop = flags.crop_size(); crop.given()) {
    base.crop_height = crop.height;
    base.crop_width = crop.width;
  }
  NARROW_TRY(set_channels(flags.mean, "--mean", base.channels, base.mean));
  NARROW_TRY(set_channels(flags.std, "--std", base.channels, base.std));
  NARROW_TRY(validate(base));
  return base;
}

}  // namespace narrow::cli
