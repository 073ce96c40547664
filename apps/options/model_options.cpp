#include "apps/options/model_options.h"

#include "apps/options/options.h"

namespace narrow::cli {

void add_model_options(const Subcommand& command, ModelFlags& flags) {
  add_labels_option(command, flags.labels);
  add_run_options(command, flags);
}

void add_run_options(const Subcommand& command, ModelFlags& flags, bool is_output_free) {
  add_isa_option(command, flags.isa);
  add_limit_options(command, flags.limits);
  if (reads_float_networks()) {
    command.add_flag("--float", flags.in_float, "Run a pre-quantized ONNX file in float, with simulated quantization");
  }
  add_preprocess_options(command, flags.preprocess);
  flags.import_options = add_import_options(command, flags.import, is_output_free);
}

void add_model_run_options(const Subcommand& command, ModelFlags& flags) {
  add_isa_option(command, flags.isa);
  add_limit_options(command, flags.limits);
  add_preprocess_options(command, flags.preprocess);
}

bool holds_weights_only(FileFormat format) {
  return format == FileFormat::kTorch || format == FileFormat::kSafetensors;
}

Result<FileFormat> format_of(const ModelFlags& flags) {
  if (flags.path.empty()) return FileFormat::kNarrow;
  return detect_format(flags.path);
}

std::optional<Error> useless_option(const ModelFlags& flags, FileFormat format) {
  const auto useless = [](const char* message, const char* option) {
    return Error{ErrorCode::kInvalidArgument, message, option};
  };
  for (const Option& option : flags.import_options) {
    if (format == FileFormat::kOnnx && applies_to_onnx(option)) continue;
    if (holds_weights_only(format) && (!applies_to_onnx(option) || option.name() == "--input-size")) continue;
    if (std::optional<Error> misplaced = misplaced_option({option}, flags.path)) return misplaced;
  }
  if (format == FileFormat::kNarrow && flags.in_float) return useless("a .nrw runs as it is stored", "--float");
  if (!holds_weights_only(format) && !flags.in_float) return std::nullopt;
  if (flags.isa != "auto") {
    return useless("applies to .nrw models and pre-quantized ONNX files; float networks run on oneDNN", "--isa");
  }
  return std::nullopt;
}

}  // namespace narrow::cli
