// narrow convert: one file format into another, without calibration.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/files/output_file.h"
#include "apps/report/events.h"
#include "apps/report/json.h"
#include "apps/report/text.h"
#include "apps/run/model_file.h"
#include "narrow/inspect.h"
#include "narrow/onnx.h"
#include "narrow/quantize.h"
#include "narrow/safetensors.h"

namespace narrow::cli {

namespace {

struct ConvertFlags {
  std::string input;
  std::string output;
  ImportFlags import;
  std::vector<const CLI::Option*> import_options;
  PreprocessFlags preprocess;
  std::string labels;
  bool verbose = false;
};

enum class Target { kNarrow, kSafetensors, kOnnx };

std::optional<Target> target_of(const std::string& output) {
  const std::string ending = std::filesystem::path(output).extension().string();
  if (ending == ".nrw") return Target::kNarrow;
  if (ending == ".safetensors") return Target::kSafetensors;
  if (ending == ".onnx") return Target::kOnnx;
  return std::nullopt;
}

CLI::Validator output_name() {
  return {[](std::string& text) {
            if (target_of(text)) return std::string();
            return "'" + text + "' does not say what to write; it must end in .nrw, .safetensors or .onnx";
          },
          "", "output_name"};
}

Status write(const ConvertFlags& flags, std::span<const std::byte> bytes, Json& json) {
  NARROW_ASSIGN(OutputFile file, OutputFile::create(flags.output));
  NARROW_TRY(file.write(bytes));
  NARROW_TRY(file.commit());
  json["output"] = {{"file", flags.output}, {"bytes", bytes.size()}};
  return {};
}

Error no_effect(const char* option, const std::string& output) {
  return {ErrorCode::kInvalidArgument, "has no effect on " + output + ", which holds weights and nothing else", option};
}

Status to_weights(const ConvertFlags& flags, std::string& text, Json& json) {
  NARROW_ASSIGN(const std::vector<std::byte> bytes, to_safetensors(flags.input));
  NARROW_TRY(write(flags, bytes, json));
  text = flags.output + ": " + bytes_text(bytes.size()) + ", the weights of " + flags.input + " as float32\n";
  return {};
}

// An integer network, which needs no conversion, for other engines.
Status export_model(const ConvertFlags& flags, std::string& text, Json& json) {
  NARROW_ASSIGN(const Model model, Model::load(flags.input));
  NARROW_ASSIGN(const std::vector<std::byte> bytes, to_onnx(model));
  NARROW_TRY(write(flags, bytes, json));
  text = flags.output + ": " + bytes_text(bytes.size()) + ", " + bits_text(model.layers()) + ", " +
         arithmetic_text(model.layers()) + "\n";
  return {};
}

std::string layers_text(const std::vector<LayerInfo>& layers) {
  Table table({"layer", "op", ">weights", ">activations"});
  const auto bits = [](int count) {
    if (count == 0) return std::string();
    return count == 32 ? std::string("float") : std::to_string(count);
  };
  for (const LayerInfo& layer : layers) {
    table.add({layer.name, layer.op, bits(layer.weight_bits), bits(layer.activation_bits)});
  }
  return table.text();
}

// "as the file states it; in float: 'prob' (1 of 60 layers)".
std::string quantization_text(const FloatModel& network, const std::vector<LayerInfo>& layers) {
  if (!network.states_quantization()) return "none stated: everything runs in float";
  constexpr std::size_t kShown = 8;
  std::vector<std::string> in_float;
  for (const LayerInfo& layer : layers) {
    if (computes_in_float(layer)) in_float.push_back("'" + layer.name + "'");
  }
  if (in_float.empty()) return "as the file states it; everything runs in integers";
  return "as the file states it; in float: " +
         join(std::span(in_float).first(std::min(kShown, in_float.size())), ", ") +
         (in_float.size() > kShown ? ", ..." : "") + format(" (%zu of %zu layers)", in_float.size(), layers.size());
}

Status convert_network(const ConvertFlags& flags, Target target, std::string& text, Json& json) {
  NARROW_ASSIGN(const std::vector<std::string> labels, read_labels(flags.labels));
  NARROW_ASSIGN(const FloatFile file, load_float_file(flags.input, flags.import, flags.preprocess, labels));
  const FloatModel& network = file.model;
  NARROW_ASSIGN(const Quantized converted, convert(network));
  const std::vector<LayerInfo> layers = converted.model.layers();
  std::vector<std::byte> bytes;
  if (target == Target::kNarrow) {
    bytes = converted.model.serialize();
    // A name that a model file can't hold (of the input file, say) is found here and not by whoever reads it.
    NARROW_TRY(Model::parse(bytes, flags.output));
  } else {
    NARROW_ASSIGN(bytes, to_onnx(network));
  }
  text += "network        " + flags.input + ": " + network.architecture() + ", input " +
          shape_text(network.input_shape()) + ", " + std::to_string(network.classes()) + " classes\n";
  text += preprocessing_lines(network.preprocessing(), file.preprocessing_is_assumed);
  text += "quantization   " + quantization_text(network, layers) + "\n";
  text += event_lines(converted.report.events, flags.verbose ? Show::kAll : Show::kNotes, "  ");
  if (flags.verbose) text += "\n" + layers_text(layers) + "\n";

  json["network"] = {{"file", flags.input},
                     {"architecture", network.architecture()},
                     {"input", shape_json(network.input_shape())},
                     {"classes", network.classes()},
                     {"states_quantization", network.states_quantization()}};
  json["preprocessing"] = preprocessing_json(network.preprocessing());
  json["preprocessing_is_assumed"] = file.preprocessing_is_assumed;
  json["events"] = events_json(converted.report.events);
  json["passes"] = event_texts_json(converted.report.events);
  json["layers"] = Json::array();
  for (const LayerInfo& layer : layers) {
    json["layers"].push_back(layer_json(layer));
    json["layers"].back()["computes_in_float"] = computes_in_float(layer);
  }
  NARROW_TRY(write(flags, bytes, json));
  text +=
      flags.output + ": " + bytes_text(bytes.size()) + ", " + bits_text(layers) + ", " + arithmetic_text(layers) + "\n";
  return {};
}

Result<int> convert_command(const ConvertFlags& flags, Console& console) {
  NARROW_TRY(check_not_an_input(flags.output, {flags.input, flags.labels, flags.preprocess.preset}));
  NARROW_ASSIGN(const FileFormat source, detect_format(flags.input));
  const Target target = *target_of(flags.output);
  if (source == FileFormat::kNarrow && target == Target::kNarrow) {
    return Error{ErrorCode::kInvalidArgument,
                 "is a .nrw already; narrow quantize makes an integer network of a float one", flags.input};
  }
  const bool to_weights_only = target == Target::kSafetensors;
  const bool as_it_is = source == FileFormat::kNarrow;
  if (to_weights_only || as_it_is) {
    const std::string& fixed = as_it_is ? flags.input : flags.output;
    for (const CLI::Option* option : flags.import_options) {
      if (option->count() > 0) return console.fail(no_effect(option->get_name().c_str(), fixed), kUsage);
    }
    if (flags.preprocess.given()) return console.fail(no_effect("--preprocess", fixed), kUsage);
    if (!flags.labels.empty()) return console.fail(no_effect("--labels", fixed), kUsage);
  }
  std::string text;
  Json json;
  if (to_weights_only) {
    NARROW_TRY(to_weights(flags, text, json));
  } else if (as_it_is) {
    NARROW_TRY(export_model(flags, text, json));
  } else {
    NARROW_TRY(convert_network(flags, target, text, json));
  }
  console.print(text);
  console.result(json);
  return kSuccess;
}

constexpr const char* kExamples =
    "Examples:\n"
    "  narrow convert net.qdq.onnx -o net.nrw          what the file states in integers runs in integers\n"
    "  narrow convert resnet20.pth -o resnet20.nrw     a float network with its preprocessing and labels\n"
    "  narrow convert resnet20.pth -o resnet20.safetensors\n"
    "  narrow convert resnet20.nrw -o resnet20.onnx    for other engines\n"
    "\n"
    "Nothing is calibrated: what a file does not state in integers stays in float (narrow quantize changes that).";

}  // namespace

Command add_convert(CLI::App& parent) {
  auto flags = std::make_shared<ConvertFlags>();
  auto json = std::make_shared<bool>(false);
  CLI::App* app = parent.add_subcommand("convert", "Write a network in another format, as it is");
  app->footer(kExamples);
  app->add_option("IN", flags->input, "A PyTorch checkpoint, safetensors, ONNX, or a .nrw")->required();
  app->add_option("-o,--output", flags->output,
                  "The file to write, replaced if it is there: .nrw, .safetensors (weights only) or .onnx")
      ->required()
      ->check(output_name())
      ->type_name("FILE");
  app->add_flag("--verbose", flags->verbose, "List every rewrite and layer");
  add_labels_option(*app, flags->labels);
  add_json_option(*app, *json);
  add_preprocess_options(*app, flags->preprocess);
  flags->import_options = add_import_options(*app, flags->import);
  return {app, json, [flags](Console& console) { return finish(console, convert_command(*flags, console)); }};
}

}  // namespace narrow::cli
