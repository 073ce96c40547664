// narrow convert: converts one file format into another, without calibration.
#include <memory>
#include <optional>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/files/output_file.h"
#include "apps/files/output_formats.h"
#include "apps/options/options.h"
#include "apps/options/preprocess_options.h"
#include "apps/report/convert_report.h"
#include "apps/run/model_file.h"
#include "base/try.h"
#include "narrow/inspect.h"
#include "narrow/quantize.h"

namespace narrow::cli {

namespace {

struct ConvertFlags {
  std::string input;
  std::string output;
  ImportFlags import;
  std::vector<Option> import_options;
  PreprocessFlags preprocess;
  std::string labels;
  bool verbose = false;
};

Check output_name() {
  return [](const std::string& text) -> std::string {
    if (find_output_format(text) != nullptr) return {};
    return "'" + text + "' has no file extension of a known format; it must end in " + output_extensions();
  };
}

// The error for an option that describes a network, where the input is a .nrw, which describes its own, or the output
// holds none.
std::optional<Error> useless_option(const ConvertFlags& flags, bool is_model) {
  const auto no_effect = [&](const std::string& option) {
    const std::string reason =
        is_model ? flags.input + ", whose network is written as it is; give it to the command that makes the .nrw"
                 : flags.output + ", which holds weights and nothing else; leave it out";
    return Error{ErrorCode::kInvalidArgument, "has no effect on " + reason, option};
  };
  for (const Option& option : flags.import_options) {
    // These two choose among the weights of a file.
    if (!is_model && (option.name() == kStateDictOption || option.name() == kArchitectureOption)) continue;
    if (option.given()) return no_effect(option.name());
  }
  if (flags.preprocess.given()) return no_effect("--preprocess");
  if (!flags.labels.empty()) return no_effect("--labels");
  return std::nullopt;
}

// Reads the input, sets `bytes` to the bytes of the output file and returns the report.
Result<ConvertReport> convert_file(const ConvertFlags& flags, const OutputFormat& format, FileFormat source,
                                   std::vector<std::byte>& bytes) {
  ConvertReport report{.input = flags.input, .output = flags.output};
  if (format.of_weights != nullptr) {
    NARROW_ASSIGN(bytes,
                  format.of_weights(flags.input, flags.import.state_dict, flags.import.architecture, &report.notes));
    return report;
  }
  if (source == FileFormat::kNarrow) {
    NARROW_ASSIGN(const Model model, Model::load(flags.input));
    NARROW_ASSIGN(bytes, format.of_model(model));
    report.layers = model.layers();
    return report;
  }
  NARROW_ASSIGN(const std::vector<std::string> labels, read_labels(flags.labels));
  NARROW_ASSIGN(const FloatFile file, load_float_file(flags.input, flags.import, flags.preprocess, labels));
  NARROW_ASSIGN(Quantized converted, convert(file.model));
  NARROW_ASSIGN(bytes, format.of_network(file.model, converted.model, flags.output));
  report.layers = converted.model.layers();
  report.network = ConvertedNetwork{file.model, file.preprocessing_is_assumed, std::move(converted.report.events)};
  return report;
}

Result<int> convert_command(const ConvertFlags& flags, Console& console) {
  NARROW_TRY(check_not_an_input(flags.output, {flags.input, flags.labels, flags.preprocess.preset}));
  NARROW_ASSIGN(const FileFormat source, detect_format(flags.input));
  const OutputFormat& format = *find_output_format(flags.output);
  NARROW_TRY(check_replaceable(flags.output, format.kind));
  const bool is_model = source == FileFormat::kNarrow;
  if (is_model && format.of_weights == nullptr && format.of_model == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 "is a .nrw already; narrow quantize makes an integer network of a float one", flags.input};
  }
  // Weights of a .nrw are an error of their own, whatever the options are.
  if (is_model != (format.of_weights != nullptr)) {
    if (const std::optional<Error> useless = useless_option(flags, is_model)) return console.fail(*useless, kUsage);
  }
  std::vector<std::byte> bytes;
  NARROW_ASSIGN(ConvertReport report, convert_file(flags, format, source, bytes));
  NARROW_ASSIGN(OutputFile file, OutputFile::create(flags.output));
  NARROW_TRY(file.write(bytes));
  NARROW_TRY(file.commit());
  report.output_bytes = bytes.size();
  console.print(convert_text(report, flags.verbose));
  console.result(convert_json(report));
  return kSuccess;
}

constexpr const char* kConvertExamples =
    "Examples:\n"
    "  narrow convert net.qdq.onnx -o net.nrw          what the file holds in integers runs in integers\n"
    "  narrow convert resnet20.pth -o resnet20.nrw     a float network with its preprocessing and labels\n"
    "  narrow convert resnet20.pth -o resnet20.safetensors\n"
    "  narrow convert resnet20.nrw -o resnet20.onnx    for other engines\n"
    "\n"
    "Nothing is calibrated: what a file does not hold in integers stays in float (narrow quantize changes that).";

}  // namespace

Command add_convert(CommandLine& line) {
  auto flags = std::make_shared<ConvertFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("convert", "Write a network in another format, as it is", kConvertExamples);
  command.add("IN", flags->input, "A PyTorch checkpoint, safetensors, ONNX, or a .nrw").required();
  command
      .add("-o,--output", flags->output,
           "The file to write, replaced if it is there. Its file extension selects the format: " + output_extensions())
      .required()
      .check(output_name())
      .type_name("FILE");
  command.add_flag("--verbose", flags->verbose, "List every rewrite and layer");
  add_labels_option(command, flags->labels);
  add_json_option(command, *json);
  add_preprocess_options(command, flags->preprocess);
  flags->import_options = add_import_options(command, flags->import, false);
  return {command, json, [flags](Console& console) { return finish(console, convert_command(*flags, console)); }};
}

}  // namespace narrow::cli
