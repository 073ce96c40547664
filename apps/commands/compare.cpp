// narrow compare: how close two networks are, layer by layer.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/commands/open_images.h"
#include "apps/files/interruption.h"
#include "apps/report/comparison_report.h"
#include "apps/report/progress.h"
#include "apps/run/bench_inputs.h"
#include "apps/run/comparison.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/compare.h"
#include "narrow/quantize.h"

namespace narrow::cli {

namespace {

constexpr std::size_t kLayerImages = 64;
constexpr std::size_t kRandomImages = 8;
constexpr int kImagesAtOnce = 16;

struct CompareFlags {
  ModelFlags model;  // model.path: the reference
  std::string other;
  std::vector<std::string> positional;
  std::vector<std::string> images;
  bool layers = false;
  std::size_t limit = 0;
  int threads = 0;
};

TensorShape input_shape(const LoadedModel& loaded) {
  return std::visit([](const auto& model) { return model.input_shape(); }, loaded.model);
}

// The inputs for the layers, and what they are in words. set: nullptr for random bytes.
CalibrationInputs layer_inputs(const CompareFlags& flags, const LoadedModel& reference, const PictureSet* set,
                               std::string& text) {
  if (set != nullptr) {
    CalibrationInputs inputs =
        calibration_inputs(*set, reference.preprocessing, flags.limit == 0 ? kLayerImages : flags.limit);
    text = plural(inputs.count, "image");
    return inputs;
  }
  const std::size_t count = flags.limit == 0 ? kRandomImages : flags.limit;
  text = plural(count, "image") + " of random bytes (--pictures gives real ones, whose errors are others)";
  auto random =
      std::make_shared<const BenchInputs>(random_inputs(input_shape(reference), reference.preprocessing, count, 1));
  return {.count = count, .fill = [random](std::size_t index, std::span<float> out) {
            std::copy_n(random->values.data() + index * random->image_elems, random->image_elems, out.data());
            return Status();
          }};
}

Result<int> compare(const CompareFlags& flags, Console& console) {
  std::vector<std::string> paths = flags.positional;
  paths.insert(paths.end(), flags.images.begin(), flags.images.end());
  if (paths.empty() && !flags.layers) {
    return console.fail(Error{ErrorCode::kInvalidArgument,
                              "give PICTURES to compare scores, or --layers (see narrow compare --help)", "compare"},
                        kUsage);
  }
  NARROW_ASSIGN(const LoadedPair pair, load_pair(flags.model, flags.model.path, flags.other));
  CompareReport report;
  report.reference = flags.model.path;
  report.other = flags.other;
  const int threads = threads_to_use(flags.threads, 256);
  std::optional<PictureSet> set;
  say_when_interrupted("the same command starts anew, and --limit N takes fewer images");
  Progress progress("comparing, image");
  if (!paths.empty()) {
    const std::vector<std::string>& labels = pair.reference.labels.empty() ? pair.other.labels : pair.reference.labels;
    NARROW_ASSIGN(set, open_images(paths, labels, Unreadable::kRefused, console));
    NARROW_ASSIGN(report.comparison,
                  compare_on_images(pair, {flags.model.path, flags.other}, *set,
                                    {flags.limit, flags.model.isa, threads, kImagesAtOnce},
                                    [&](std::size_t done, std::size_t total) { progress.update(done, total); }));
    report.comparison->images = paths;
  }
  if (flags.layers) {
    const CalibrationInputs inputs = layer_inputs(flags, pair.reference, set ? &*set : nullptr, report.layer_inputs);
    NARROW_ASSIGN(
        report.layers,
        compare_layers(pair.reference.model, pair.other.model, inputs,
                       static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(threads), inputs.count))));
  }
  progress.erase();
  console.print(compare_text(report));
  console.result(compare_json(report));
  return kSuccess;
}

constexpr const char* kCompareExamples =
    "Examples:\n"
    "  narrow compare resnet20.pth resnet20.nrw photos/              how close the scores are\n"
    "  narrow compare resnet20.pth resnet20.nrw photos/ --layers     and where the error comes from\n"
    "  narrow compare a.nrw b.nrw --layers                           on random bytes\n"
    "\n"
    "Layers are matched by the names of their tensors. local: the layer computes on the reference's tensors, so that\n"
    "the error is its own. cumulative: both networks run from the image. Higher is better; 'equal' is no error. The\n"
    "layers of both networks see images with the preprocessing of the reference.";

}  // namespace

Command add_compare(CommandLine& line) {
  auto flags = std::make_shared<CompareFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("compare", "Show how close two networks are, and which layers differ", kCompareExamples);
  const char* const formats = "a .nrw file, ONNX, or weights (a PyTorch checkpoint, safetensors)";
  command.add("REFERENCE", flags->model.path, std::string("The network that is right: ") + formats).required();
  command.add("OTHER", flags->other, std::string("The network to measure: ") + formats).required();
  command.add("PICTURES", flags->positional, "Images (see narrow --help); labels are not needed");
  command.add("--pictures", flags->images, "More images").type_name("PICTURES");
  command.add_flag("--layers", flags->layers, "Also list the SQNR of each layer");
  command
      .add("--limit", flags->limit,
           "Use at most N images, evenly spread; default: all for the scores, 64 for the layers (8 of random bytes)")
      .check(whole_number(1, 1000000000))
      .type_name("N");
  add_threads_option(command, flags->threads);
  add_json_option(command, *json);
  add_model_options(command, flags->model);
  return {command, json, [flags](Console& console) { return finish(console, compare(*flags, console)); }};
}

}  // namespace narrow::cli
