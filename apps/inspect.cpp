// narrow inspect: what is in a model, and what this CPU makes of it?
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "commands.h"
#include "inspect_json.h"
#include "narrow/session.h"
#include "network.h"
#include "options.h"
#include "text.h"

namespace narrow::cli {

namespace {

struct InspectFlags {
  std::string model;
  ImportFlags import;
  std::vector<const CLI::Option*> import_options;
  std::string isa = "auto";
};

constexpr std::size_t kLabelsShown = 10;

std::string labels_text(const std::vector<std::string>& labels) {
  if (labels.empty()) return "none";
  const std::size_t shown = std::min(labels.size(), kLabelsShown);
  return std::to_string(labels.size()) + ": " + join(std::span(labels).first(shown), ", ") +
         (shown < labels.size() ? ", ..." : "");
}

struct Totals {
  std::size_t weight_bytes = 0;
  std::size_t packed_bytes = 0;
  std::int64_t macs = 0;
};

Totals total(const std::vector<LayerInfo>& layers, const std::vector<StepInfo>& steps) {
  Totals totals;
  for (const LayerInfo& layer : layers) {
    totals.weight_bytes += layer.weight_bytes;
    totals.macs += layer.macs;
  }
  for (const StepInfo& step : steps) totals.packed_bytes += step.packed_bytes;
  return totals;
}

std::string number(float value) { return format("%.4g", static_cast<double>(value)); }

std::string layers_table(const std::vector<LayerInfo>& layers, const std::vector<StepInfo>& steps) {
  std::map<std::string, std::string> kernels;
  for (const StepInfo& step : steps) kernels[step.layer] = step.kernel;
  Table table({"layer", "op", "detail", "output", ">w bits", "w scales", ">a bits", "range", ">scale", ">zero",
               ">weights", ">MACs", "kernel"});
  for (const LayerInfo& layer : layers) {
    std::vector<std::string> row(13);
    row[0] = layer.name;
    row[1] = layer.op;
    row[2] = layer.detail;
    row[3] = shape_text(layer.output);
    if (layer.weight_bits != 0) {
      row[4] = layer.weight_bits == 32 ? "float" : std::to_string(layer.weight_bits);
      row[10] = bytes_text(layer.weight_bytes);
    }
    if (layer.weight_bits != 0 && layer.weight_bits < 32) {
      row[5] = number(layer.weight_scale_min);
      if (layer.weight_scale_max != layer.weight_scale_min) row[5] += " .. " + number(layer.weight_scale_max);
    }
    if (layer.activation_bits < 32) {
      row[6] = std::to_string(layer.activation_bits);
      row[7] = number(layer.clamp_lo) + " .. " + number(layer.clamp_hi);
      row[8] = number(layer.quantization.scale);
      row[9] = std::to_string(layer.quantization.zero_point);
    } else {
      row[6] = "float";
    }
    if (layer.macs > 0) row[11] = count_text(layer.macs);
    row[12] = kernels[layer.name];
    table.add(std::move(row));
  }
  return table.text();
}

Result<int> inspect_model(const InspectFlags& flags, Console& console) {
  NARROW_ASSIGN(const Model model, Model::load(flags.model));
  SessionOptions options;
  options.isa = flags.isa;
  NARROW_ASSIGN(const Session session, Session::create(model, options));
  const std::vector<LayerInfo> layers = model.layers();
  const std::vector<StepInfo> steps = session.steps();
  const Totals totals = total(layers, steps);
  std::error_code ignored;
  const std::uintmax_t file_bytes = std::filesystem::file_size(flags.model, ignored);
  const Provenance& provenance = model.provenance();

  std::string text = flags.model + ": " + provenance.architecture + ", " + bytes_text(file_bytes) + ", " +
                     bits_text(layers) + ", " + arithmetic_text(layers) + "\n\n";
  text += layers_table(layers, steps) + "\n";
  text += "input          " + shape_text(model.input_shape()) + "\n";
  text += "preprocessing  " + preprocessing_text(model.preprocessing()) + "\n";
  text += "labels         " + labels_text(model.labels()) + "\n";
  text += "made from      " + provenance.source + ", calibrated with " + provenance.calibration + ", by " +
          provenance.tool + "\n";
  text += "weights        " + bytes_text(totals.weight_bytes) + " stored, " + bytes_text(totals.packed_bytes) +
          " packed for " + session.isa() + "\n";
  text += "per picture    " + count_text(totals.macs) + " multiply-adds, " + bytes_text(session.arena_bytes()) +
          " of activations\n";
  console.print(text);

  Json document;
  document["kind"] = "narrow model";
  document["file"] = flags.model;
  document["file_bytes"] = file_bytes;
  document["input"] = shape_json(model.input_shape());
  document["classes"] = model.classes();
  document["labels"] = model.labels();
  document["preprocessing"] = preprocessing_json(model.preprocessing());
  document["provenance"] = {{"source", provenance.source},
                            {"architecture", provenance.architecture},
                            {"calibration", provenance.calibration},
                            {"tool", provenance.tool}};
  document["layers"] = Json::array();
  for (const LayerInfo& layer : layers) document["layers"].push_back(layer_json(layer));
  document["session"] = {{"isa", session.isa()}, {"arena_bytes", session.arena_bytes()}, {"steps", Json::array()}};
  for (const StepInfo& step : steps) {
    document["session"]["steps"].push_back(
        {{"layer", step.layer}, {"kernel", step.kernel}, {"packed_bytes", step.packed_bytes}});
  }
  document["totals"] = {
      {"weight_bytes", totals.weight_bytes}, {"packed_bytes", totals.packed_bytes}, {"macs", totals.macs}};
  console.result(document);
  return kSuccess;
}

Result<int> inspect_weights(const InspectFlags& flags, Console& console) {
  NARROW_ASSIGN(const FloatModel weights, load_weights(flags.model, flags.import, PreprocessFlags()));
  std::error_code ignored;
  const std::uintmax_t file_bytes = std::filesystem::file_size(flags.model, ignored);
  std::string text =
      flags.model + ": float weights, " + weights.architecture() + ", " + bytes_text(file_bytes) + "\n\n";
  text += "input          " + shape_text(weights.input_shape()) + "\n";
  text += "classes        " + std::to_string(weights.classes()) + "\n";
  text += "preprocessing  " + preprocessing_text(weights.preprocessing()) + "\n";
  text += "simplified     " + plural(weights.log().size(), "step") + "\n";
  for (const std::string& line : weights.log()) text += "  " + line + "\n";
  text += "\nLayers, ranges and kernels are there once it is quantized: narrow quantize --help\n";
  console.print(text);

  Json document;
  document["kind"] = "float weights";
  document["file"] = flags.model;
  document["file_bytes"] = file_bytes;
  document["architecture"] = weights.architecture();
  document["input"] = shape_json(weights.input_shape());
  document["classes"] = weights.classes();
  document["preprocessing"] = preprocessing_json(weights.preprocessing());
  document["log"] = weights.log();
  console.result(document);
  return kSuccess;
}

Result<int> inspect(const InspectFlags& flags, Console& console) {
  NARROW_ASSIGN(const FileKind kind, kind_of(flags.model));
  if (kind == FileKind::kFloatWeights) return inspect_weights(flags, console);
  if (const std::optional<Error> misplaced = misplaced_option(flags.import_options, flags.model)) {
    return console.fail(*misplaced, kUsage);
  }
  return inspect_model(flags, console);
}

constexpr const char* kExamples =
    "Examples:\n"
    "  narrow inspect resnet20.nrw                  layers, ranges, sizes and the kernels on this CPU\n"
    "  narrow inspect resnet20.nrw --isa scalar     the kernels of another instruction set\n"
    "  narrow inspect resnet20.pth                  what a checkpoint is, and how its network is simplified\n"
    "  narrow inspect resnet20.nrw --json | jq '.layers[].name'";

}  // namespace

Command add_inspect(CLI::App& parent) {
  auto flags = std::make_shared<InspectFlags>();
  auto json = std::make_shared<bool>(false);
  CLI::App* app = parent.add_subcommand("inspect", "Show what is in a model");
  app->footer(kExamples);
  app->add_option("MODEL", flags->model, "A .nrw file, or float weights (a PyTorch checkpoint)")->required();
  add_isa_option(*app, flags->isa);
  add_json_option(*app, *json);
  flags->import_options = add_import_options(*app, flags->import);
  return {app, json, [flags](Console& console) { return finish(console, inspect(*flags, console)); }};
}

}  // namespace narrow::cli
