// narrow inspect: what is in a model, and what this CPU makes of it?
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/report/events.h"
#include "apps/report/inspect_kernels.h"
#include "apps/report/json.h"
#include "apps/report/text.h"
#include "apps/run/model_file.h"
#include "narrow/inspect.h"
#include "narrow/quantize.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

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

struct InspectFlags : ModelFlags {
  int threads = 1;
  bool why = false;
};

Result<int> inspect_model(const InspectFlags& flags, Console& console) {
  NARROW_ASSIGN(const Model model, Model::load(flags.path));
  SessionOptions options;
  options.isa = flags.isa;
  options.threads = flags.threads;
  NARROW_ASSIGN(const Session session, Session::create(model, options));
  const std::vector<LayerInfo> layers = model.layers();
  const std::vector<StepInfo> steps = session.steps();
  const Totals totals = total(layers, steps);
  const MemoryInfo memory = session.memory();
  std::error_code ignored;
  const std::uintmax_t file_bytes = std::filesystem::file_size(flags.path, ignored);
  const Provenance& provenance = model.provenance();

  std::string text = flags.path + ": " + provenance.architecture + ", " + bytes_text(file_bytes) + ", " +
                     bits_text(layers) + ", " + arithmetic_text(layers) + "\n\n";
  text += layers_table(layers, steps) + "\n";
  text += "input          " + shape_text(model.input_shape()) + "\n";
  text += "preprocessing  " + preprocessing_text(model.preprocessing()) + "\n";
  text += "labels         " + labels_text(model.labels()) + "\n";
  text += "made from      " + provenance.source + ", calibrated with " + provenance.calibration + ", by " +
          provenance.tool + "\n";
  text += "weights        " + bytes_text(totals.weight_bytes) + " stored, " + bytes_text(totals.packed_bytes) +
          " packed for " + session.isa() + "\n";
  text += "tensors        " + bytes_text(memory.tensor_bytes) + ", of which " + bytes_text(memory.largest_live_bytes) +
          " are needed at the same time; workspace " + bytes_text(memory.workspace_bytes) + "\n";
  text += "per picture    " + count_text(totals.macs) + " multiply-adds\n";
  if (flags.threads > 1) text += threads_text(steps);
  if (flags.why) text += why_text(steps);
  console.print(text);

  Json document;
  document["kind"] = "narrow model";
  document["file"] = flags.path;
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
  document["session"] = {{"isa", session.isa()},
                         {"threads", session.threads()},
                         {"arena_bytes", session.arena_bytes()},
                         {"steps", Json::array()}};
  document["session"]["memory"] = {{"tensor_bytes", memory.tensor_bytes},
                                   {"largest_live_bytes", memory.largest_live_bytes},
                                   {"workspace_bytes", memory.workspace_bytes}};
  for (const StepInfo& step : steps) document["session"]["steps"].push_back(step_json(step));
  document["totals"] = {
      {"weight_bytes", totals.weight_bytes}, {"packed_bytes", totals.packed_bytes}, {"macs", totals.macs}};
  console.result(document);
  return kSuccess;
}

// A float network is shown as what it would run as without calibration: in float, or as its file states.
Result<int> inspect_float(const ModelFlags& flags, FileFormat format, Console& console) {
  NARROW_ASSIGN(const FloatFile file, load_float_file(flags.path, flags.import, PreprocessFlags()));
  const FloatModel& model = file.model;
  NARROW_ASSIGN(const Quantized converted, convert(model));
  const std::vector<LayerInfo> layers = converted.model.layers();
  const Totals totals = total(layers, {});
  const bool stated = model.states_quantization();
  const std::vector<Event>& log = stated ? converted.report.events : model.log();
  std::error_code ignored;
  const std::uintmax_t file_bytes = std::filesystem::file_size(flags.path, ignored);

  std::string text = flags.path + ": " + (stated ? "quantization stated" : "float weights") + ", " +
                     model.architecture() + ", " + bytes_text(file_bytes) + ", " + bits_text(layers) + ", " +
                     arithmetic_text(layers) + "\n\n";
  text += layers_table(layers, {}) + "\n";
  text += "input          " + shape_text(model.input_shape()) + "\n";
  text += "classes        " + std::to_string(model.classes()) + "\n";
  text += preprocessing_lines(model.preprocessing(), file.preprocessing_is_assumed);
  text += "per picture    " + count_text(totals.macs) + " multiply-adds\n";
  text += "simplified     " + plural(log.size(), "step") + "\n";
  text += event_lines(log, Show::kAll, "  ");
  text += stated ? "\nnarrow convert writes it as a .nrw; narrow quantize also calibrates what is left in float\n"
                 : "\nRanges and kernels are there once it is quantized: narrow quantize --help\n";
  console.print(text);

  Json document;
  document["kind"] = "float weights";
  document["format"] = to_string(format);
  document["file"] = flags.path;
  document["file_bytes"] = file_bytes;
  document["architecture"] = model.architecture();
  document["input"] = shape_json(model.input_shape());
  document["classes"] = model.classes();
  document["preprocessing"] = preprocessing_json(model.preprocessing());
  document["preprocessing_is_assumed"] = file.preprocessing_is_assumed;
  document["states_quantization"] = stated;
  document["layers"] = Json::array();
  for (const LayerInfo& layer : layers) document["layers"].push_back(layer_json(layer));
  document["totals"] = {{"weight_bytes", totals.weight_bytes}, {"macs", totals.macs}};
  document["events"] = events_json(log);
  document["log"] = event_texts_json(log);
  console.result(document);
  return kSuccess;
}

Result<int> inspect(const InspectFlags& flags, Console& console) {
  NARROW_ASSIGN(const FileFormat format, format_of(flags));
  if (const std::optional<Error> useless = useless_option(flags, format)) return console.fail(*useless, kUsage);
  if (format != FileFormat::kNarrow && (flags.why || flags.threads > 1)) {
    return console.fail(Error{ErrorCode::kInvalidArgument,
                              "is for .nrw models: kernels are chosen for them; narrow convert or quantize makes one",
                              flags.why ? "--why" : "--threads"},
                        kUsage);
  }
  return format == FileFormat::kNarrow ? inspect_model(flags, console) : inspect_float(flags, format, console);
}

constexpr const char* kExamples =
    "Examples:\n"
    "  narrow inspect resnet20.nrw                  layers, ranges, sizes and the kernels on this CPU\n"
    "  narrow inspect resnet20.nrw --isa scalar     the kernels of another instruction set\n"
    "  narrow inspect resnet20.nrw --why            why those and no others\n"
    "  narrow inspect resnet20.pth                  what a checkpoint is, and how its network is simplified\n"
    "  narrow inspect net.onnx                      the same of ONNX, and what it states about quantization\n"
    "  narrow inspect resnet20.nrw --json | jq '.layers[].name'";

}  // namespace

Command add_inspect(CLI::App& parent) {
  auto flags = std::make_shared<InspectFlags>();
  auto json = std::make_shared<bool>(false);
  CLI::App* app = parent.add_subcommand("inspect", "Show what is in a model");
  app->footer(kExamples);
  app->add_option("MODEL", flags->path, "A .nrw file, ONNX, or weights (a PyTorch checkpoint, safetensors)")
      ->required();
  app->add_flag("--why", flags->why,
                "Show for each layer the kernels that it could run on, their estimated cost, and those that refuse");
  app->add_option("--threads", flags->threads, "Show how evenly so many threads share the work")
      ->check(whole_number(1, 256))
      ->type_name("N");
  add_isa_option(*app, flags->isa);
  add_json_option(*app, *json);
  flags->import_options = add_import_options(*app, flags->import);
  return {app, json, [flags](Console& console) { return finish(console, inspect(*flags, console)); }};
}

}  // namespace narrow::cli
