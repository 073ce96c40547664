#include "apps/options/preprocess_options.h"

#include <algorithm>
#include <filesystem>

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

}  // namespace

void add_preprocess_options(const Subcommand& command, PreprocessFlags& flags) {
  const std::string group = "Preprocessing";
  command
      .add("--preprocess", flags.preset,
           "How images become the network's input: " + join(preprocessing_presets(), ", ") +
               ", or a JSON file with resize, crop, mean, std (see docs/cli.md)")
      .check(preset_or_file())
      .type_name("PRESET|FILE")
      .group(group);
  command.add("--resize", flags.resize, "Length of the shorter side before the crop, or none")
      .check(word_or_number({"none"}, 1, 8192))
      .type_name("N|none")
      .group(group);
  command.add("--crop", flags.crop, "Side of the centre crop, which is the network's input")
      .check(whole_number(1, 8192))
      .type_name("N")
      .group(group);
}

Result<Preprocessing> apply(const PreprocessFlags& flags, Preprocessing base) {
  if (is_preset(flags.preset)) {
    NARROW_ASSIGN(base, preprocessing_preset(flags.preset));
  } else if (!flags.preset.empty()) {
    NARROW_ASSIGN(base, read_preprocessing(flags.preset));
  }
  if (flags.resize == "none") {
    base.resize = std::nullopt;
  } else if (!flags.resize.empty()) {
    base.resize = std::stoi(flags.resize);
  }
  if (flags.crop != 0) base.crop_height = base.crop_width = flags.crop;
  NARROW_TRY(validate(base));
  return base;
}

}  // namespace narrow::cli
