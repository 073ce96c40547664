// narrow inspect: shows what a model holds and which kernels this CPU runs it with.
#include <memory>
#include <optional>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/report/inspect_report.h"
#include "apps/run/model_file.h"
#include "base/try.h"
#include "narrow/inspect.h"
#include "narrow/quantize.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct InspectFlags : ModelFlags {
  int threads = 1;
  bool why = false;
  std::string core = "auto";
  bool layers = false;  // nothing else
};

Result<ModelInspection> inspect_model(const InspectFlags& flags) {
  NARROW_ASSIGN(Model model, Model::load(flags.path));
  SessionOptions options;
  options.isa = flags.isa;
  options.core = flags.core;
  options.threads = flags.threads;
  set_limits(options, flags.limits);
  Result<Session> created = Session::create(model, options);
  if (!created.ok()) return of_file(std::move(created).error(), flags.path);
  const Session session = *std::move(created);
  return ModelInspection{.file = flags.path,
                         .file_bytes = size_of_files(flags.path),
                         .model = model,
                         .layers = model.layers(),
                         .isa = session.isa(),
                         .core = session.core(),
                         .threads = session.threads(),
                         .steps = session.steps(),
                         .arena_bytes = session.arena_bytes(),
                         .memory = session.memory()};
}

Result<FloatInspection> inspect_float(const ModelFlags& flags, FileFormat format) {
  NARROW_ASSIGN(const FloatFile file, load_float_file(flags.path, flags.import, PreprocessFlags()));
  const FloatModel& model = file.model;
  NARROW_ASSIGN(Quantized converted, convert(model));
  FloatInspection inspection{.file = flags.path,
                             .file_bytes = size_of_files(flags.path, model.external_files()),
                             .format = format,
                             .model = model,
                             .preprocessing_is_assumed = file.preprocessing_is_assumed,
                             .layers = converted.model.layers(),
                             .events = model.log()};
  if (model.states_quantization()) inspection.events = std::move(converted.report.events);
  return inspection;
}

// The first option given that is about how a model is prepared to run, which other files are not here. Null: none is.
const char* option_of_kernels(const InspectFlags& flags) {
  if (flags.why) return "--why";
  if (flags.threads > 1) return "--threads";
  if (flags.core != "auto") return "--core";
  if (flags.limits.memory_gib > 0) return "--max-memory";
  return flags.limits.operations > 0 ? "--max-operations" : nullptr;
}

Result<int> inspect(const InspectFlags& flags, Console& console) {
  NARROW_ASSIGN(const FileFormat format, format_of(flags));
  if (const std::optional<Error> useless = useless_option(flags, format)) return console.fail(*useless, kUsage);
  if (format == FileFormat::kNarrow) {
    NARROW_ASSIGN(const ModelInspection inspection, inspect_model(flags));
    // Only one of the two is shown, and both of a large model take memory.
    if (console.json()) {
      console.result(inspect_json(inspection));
    } else {
      console.print(flags.layers ? inspect_layers_text(inspection.layers, inspection.steps)
                                 : inspect_text(inspection, flags.why));
    }
    return kSuccess;
  }
  if (const char* const option = option_of_kernels(flags); option != nullptr) {
    return console.fail(
        Error{ErrorCode::kInvalidArgument,
              "is for .nrw models: kernels are chosen for them; narrow convert or quantize makes one", option},
        kUsage);
  }
  NARROW_ASSIGN(const FloatInspection inspection, inspect_float(flags, format));
  console.print(flags.layers ? inspect_layers_text(inspection.layers, {}) : inspect_text(inspection));
  console.result(inspect_json(inspection));
  return kSuccess;
}

constexpr const char* kInspectExamples =
    "Examples:\n"
    "  narrow inspect resnet20.nrw                  layers, ranges, sizes and the kernels on this CPU\n"
    "  narrow inspect resnet20.nrw --isa scalar     the kernels of another instruction set\n"
    "  narrow inspect resnet20.nrw --why            why those and no others\n"
    "  narrow inspect resnet20.nrw --layers         the table of layers alone\n"
    "  narrow inspect resnet20.pth                  what a checkpoint is, and how its network is simplified\n"
    "  narrow inspect net.onnx                      the same of ONNX, and what is pre-quantized\n"
    "  narrow inspect resnet20.nrw --json | jq '.layers[].name'";

}  // namespace

Command add_inspect(CommandLine& line) {
  auto flags = std::make_shared<InspectFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("inspect", "Show what is in a model", kInspectExamples);
  command.add("MODEL", flags->path, model_argument_text()).required();
  const Option why = command.add_flag(
      "--why", flags->why,
      "Show for each layer the kernels that it could run on, their estimated cost, and those that refuse");
  const Option threads = command.add("--threads", flags->threads, "Show how evenly so many threads share the work")
                             .check(whole_number(1, 256))
                             .type_name("N");
  command.add_flag("--layers", flags->layers, "Show the table of layers alone").excludes(why).excludes(threads);
  add_isa_option(command, flags->isa);
  add_core_option(command, flags->core);
  add_limit_options(command, flags->limits);
  add_json_option(command, *json);
  flags->import_options = add_import_options(command, flags->import, true);
  return {command, json, [flags](Console& console) { return finish(console, inspect(*flags, console)); }};
}

}  // namespace narrow::cli
