// narrow trace: writes every tensor of a network on one image, and finds where two networks begin to differ.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/files/interruption.h"
#include "apps/files/npy.h"
#include "apps/files/output_folder.h"
#include "apps/files/output_names.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/options/preprocess_options.h"
#include "apps/report/trace_report.h"
#include "apps/run/comparison.h"
#include "apps/run/model_file.h"
#include "apps/run/trace.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/compare.h"
#include "narrow/image.h"

namespace narrow::cli {

namespace {

struct TraceFlags {
  ModelFlags model;
  std::string image;
  std::string against;
  std::string folder;
};

// Finds by what the networks differ that was only prepared for quantization.
void find_prepared(const LoadedModel& network, const LoadedModel& other, const std::vector<float>& input,
                   TraceReport& report) {
  const CalibrationInputs one{.count = 1, .fill = [&](std::size_t, std::span<float> out) {
                                std::copy(input.begin(), input.end(), out.begin());
                                return Status();
                              }};
  const Result<LayerComparison> compared = compare_layers(other.model, network.model, one);
  if (!compared.ok()) return;  // no tensor is in both, which the report says
  report.equalized = static_cast<std::size_t>(std::count_if(
      compared->layers.begin(), compared->layers.end(), [](const LayerError& layer) { return layer.is_equalized; }));
  report.mixed_sets = compared->mixed_tensors;
}

Result<int> trace(const TraceFlags& flags, Console& console) {
  NARROW_TRY(check_output_name(flags.folder, OutputKind::kFolder));
  std::optional<LoadedModel> other;
  std::optional<LoadedModel> loaded;
  if (flags.against.empty()) {
    NARROW_ASSIGN(const FileFormat format, format_of(flags.model));
    if (const std::optional<Error> useless = useless_option(flags.model, format)) return console.fail(*useless, kUsage);
    NARROW_ASSIGN(loaded, load_model_file(flags.model, format));
  } else {
    NARROW_ASSIGN(LoadedPair pair, load_pair(flags.model, flags.against, flags.model.path));
    other = std::move(pair.reference);
    loaded = std::move(pair.other);
  }
  // Finds a network that takes too much before anything of its size is made.
  NARROW_TRY(open_network(*loaded, "auto", 1, 1));
  if (other) NARROW_TRY(open_network(*other, "auto", 1, 1));
  NARROW_ASSIGN(const PictureSet images, PictureSet::open({flags.image}));
  NARROW_ASSIGN(const LabelledPicture image, images.get(0));
  const TensorShape shape = std::visit([](const auto& model) { return model.input_shape(); }, loaded->model);
  if (other) {
    const TensorShape others = std::visit([](const auto& model) { return model.input_shape(); }, other->model);
    if (others != shape) {
      return Error{ErrorCode::kInvalidArgument,
                   "takes images of " + shape_text(others) + ", but " + flags.model.path + " those of " +
                       shape_text(shape) + ": these are not two forms of one network",
                   flags.against};
    }
  }
  std::vector<float> input(static_cast<std::size_t>(shape.elems()));
  NARROW_TRY(preprocess(image.picture, loaded->preprocessing, input));
  std::error_code failed;
  const std::filesystem::path folder(flags.folder);
  // Tensors of two runs in one folder can't be told apart.
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.path().extension() != ".npy") continue;
    return Error{ErrorCode::kInvalidArgument, "holds tensors already; choose another folder, or remove it first",
                 flags.folder};
  }
  say_when_interrupted("no tensor is written; the same command starts anew");
  NARROW_ASSIGN(OutputFolder tensors, OutputFolder::create(folder));
  TraceReport report{.network = flags.model.path,
                     .other = flags.against,
                     .image = image.name,
                     .folder = flags.folder,
                     .result = {},
                     .equalized = 0,
                     .mixed_sets = 0};
  NARROW_ASSIGN(report.result, trace_to_files(loaded->model, other ? &other->model : nullptr, input,
                                              [&](const TraceRow& row, std::span<const float> reals,
                                                  std::span<const std::uint8_t> integers) -> Status {
                                                NARROW_TRY(write_npy(tensors.add(row.real_file), row.shape, reals));
                                                if (row.integer_file.empty()) return {};
                                                return write_npy(tensors.add(row.integer_file), row.shape, integers);
                                              }));
  if (other) find_prepared(*loaded, *other, input, report);
  NARROW_TRY(tensors.commit());
  console.print(trace_text(report));
  console.result(trace_json(report));
  return kSuccess;
}

constexpr const char* kTraceExamples =
    "Examples:\n"
    "  narrow trace resnet20.nrw cat.png -o tensors/                             every tensor as .npy\n"
    "  narrow trace resnet20.nrw cat.png -o tensors/ --against resnet20.onnx     and where they begin to differ\n"
    "\n"
    "NNN_NAME.real.npy holds float32 [height, width, channels], NNN_NAME.integer.npy the uint8 of a quantized tensor.\n"
    "Both networks see the image with the preprocessing of MODEL. Tensors are matched by name.";

}  // namespace

Command add_trace(CommandLine& line) {
  auto flags = std::make_shared<TraceFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("trace", "Write every tensor of a network on one image", kTraceExamples);
  command.add("MODEL", flags->model.path, model_argument_text()).required();
  command.add("PICTURE", flags->image, "An image; the first one of a set (see narrow --help)").required();
  command.add("-o,--output", flags->folder, "The folder to write to").required().type_name("DIR");
  command.add("--against", flags->against, "Another network: also show where its tensors differ").type_name("NETWORK");
  add_limit_options(command, flags->model.limits);
  add_json_option(command, *json);
  add_preprocess_options(command, flags->model.preprocess);
  flags->model.import_options = add_import_options(command, flags->model.import, false);
  return {command, json, [flags](Console& console) { return finish(console, trace(*flags, console)); }};
}

}  // namespace narrow::cli
