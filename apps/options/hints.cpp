#include "apps/options/hints.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "apps/text/nearest.h"
#include "apps/text/words.h"
#include "narrow/float_model.h"

namespace narrow::cli {
namespace {

// Options of other tools, and what Narrow calls them. The first of `here` that the command has is meant.
struct OtherName {
  const char* name;
  std::vector<std::string> here;
};
const std::vector<OtherName>& other_names() {
  static const std::vector<OtherName> names = {
      {"--bits", {"--weights and --activations"}},
      {"--bit", {"--weights and --activations"}},
      {"--weight-bits", {"--weights"}},
      {"--activation-bits", {"--activations"}},
      {"--wbits", {"--weights"}},
      {"--abits", {"--activations"}},
      {"--out", {"--output"}},
      {"--output-file", {"--output"}},
      {"--calib", {"--calibrate"}},
      {"--calibration", {"--calibrate"}},
      {"--calibration-data", {"--calibrate"}},
      {"--images", {"--pictures", "--calibrate", "the images as PICTURES"}},
      {"--data", {"--pictures", "--calibrate", "the images as PICTURES"}},
      {"--model", {"the network as MODEL"}},
      {"--weights", {"--model", "the network as MODEL"}},
      {"-m", {"--model", "the network as MODEL"}},
      {"--size", {"--input-size"}},
      {"--image-size", {"--input-size"}},
      {"--img-size", {"--input-size"}},
      {"--imgsz", {"--input-size"}},
      {"--batch-size", {"--batch"}},
      {"--bs", {"--batch"}},
      {"--jobs", {"--threads"}},
      {"-j", {"--threads"}},
      {"--num-threads", {"--threads"}},
      {"--workers", {"--threads"}},
      {"--mean", {"--preprocess FILE with a mean"}},
      {"--std", {"--preprocess FILE with a std"}},
      {"--topk", {"--top"}},
      {"-k", {"--top"}},
      {"--classes", {"--labels"}},
      {"--ema", {"--state-dict ema"}},
      {"--format", {"--output with the extension of the format"}},
      {"-v", {"--verbose", "--version"}},
  };
  return names;
}

// Commands of other tools, and what Narrow calls them.
constexpr std::array<std::array<std::string_view, 2>, 25> kOtherCommands = {{
    {"run", "classify"},   {"predict", "classify"},     {"infer", "classify"},      {"inference", "classify"},
    {"test", "evaluate"},  {"validate", "evaluate"},    {"val", "evaluate"},        {"accuracy", "evaluate"},
    {"info", "inspect"},   {"show", "inspect"},         {"summary", "inspect"},     {"print", "inspect"},
    {"export", "convert"}, {"import", "convert"},       {"compile", "convert"},     {"calibrate", "quantize"},
    {"ptq", "quantize"},   {"profile", "bench"},        {"time", "bench"},          {"speed", "bench"},
    {"diff", "compare"},   {"models", "architectures"}, {"archs", "architectures"}, {"ops", "operators"},
    {"features", "embed"},
}};

bool is_one_of(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A command with a file or folder that is given without one.
std::string file_hint(const std::string& name) {
  std::error_code ignored;
  if (!std::filesystem::exists(name, ignored)) return "";
  const std::string shown = name_text(name);
  if (std::filesystem::is_regular_file(name, ignored) && detect_format(name).ok()) {
    return "; did you mean: narrow classify --model " + shown + " PICTURE, or narrow inspect " + shown + "?";
  }
  return "; did you mean: narrow classify " + shown + "?";
}

}  // namespace

std::string option_hint(const std::string& name, const CommandArguments& known) {
  const auto has = [&](const std::string& option) {
    return is_one_of(known.options, option.substr(0, option.find(' ')));
  };
  // "the network as MODEL"
  const auto takes = [&](const std::string& argument) {
    return is_one_of(known.positional, argument.substr(argument.rfind(' ') + 1));
  };
  for (const OtherName& other : other_names()) {
    if (name != other.name) continue;
    for (const std::string& here : other.here) {
      if (here[0] == '-' ? has(here) : takes(here)) return "; did you mean " + here + "?";
    }
  }
  if (name == "--per-channel" && has("--per-tensor")) return "; scales are per channel unless --per-tensor is given";
  constexpr std::size_t kOneLetter = 2;  // "-x" is as near to any other letter
  return name.size() <= kOneLetter ? "" : did_you_mean(name, known.options);
}

std::string command_hint(const std::string& name, const std::vector<std::string>& commands,
                         const CommandArguments& known) {
  for (const auto& [other, here] : kOtherCommands) {
    if (name == other && is_one_of(commands, here)) {
      return "; did you mean '" + std::string(here) + "'?";
    }
  }
  if (const std::string file = file_hint(name); !file.empty()) return file;
  return is_one_of(known.options, "--" + name) ? "; did you mean '--" + name + "'?" : did_you_mean(name, commands);
}

}  // namespace narrow::cli
