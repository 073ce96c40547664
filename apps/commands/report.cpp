// narrow report: what quantization did to a network, as a page, as JSON and as a short text.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/commands/open_images.h"
#include "apps/files/interruption.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/options/preprocess_options.h"
#include "apps/report/page.h"
#include "apps/report/progress.h"
#include "apps/report/study_report.h"
#include "apps/run/comparison.h"
#include "apps/run/network_study.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

struct ReportFlags {
  ModelFlags model;
  std::string against;
  std::vector<std::string> images;
  std::vector<std::string> remedies;  // images to quantize anew with
  std::string output;
  std::size_t limit = 0;
  int threads = 0;
  double duration = 1;
};

// "2 images could not be read, and the numbers are of the others: a.png, b.png".
std::string unreadable_text(std::vector<std::string> names) {
  constexpr std::size_t kShown = 10;
  const std::size_t count = names.size();
  names.resize(std::min(count, kShown));
  return plural(count, "image") + " could not be read, and the numbers are of the others: " + join(names, ", ") +
         (count > kShown ? " and " + std::to_string(count - kShown) + " more" : "");
}

// The two networks, of which the reference need not be there.
struct ReportNetworks {
  std::optional<LoadedModel> reference;
  LoadedModel model;
};

Result<ReportNetworks> load_networks(const ReportFlags& flags) {
  if (!flags.against.empty()) {
    NARROW_ASSIGN(LoadedPair pair, load_pair(flags.model, flags.against, flags.model.path));
    return ReportNetworks{std::move(pair.reference), std::move(pair.other)};
  }
  NARROW_ASSIGN(const FileFormat format, format_of(flags.model));
  if (const std::optional<Error> useless = useless_option(flags.model, format)) return *useless;
  NARROW_ASSIGN(LoadedModel model, load_model_file(flags.model, format));
  return ReportNetworks{std::nullopt, std::move(model)};
}

// Quantizes anew with what the report recommends.
Status measure(const ReportFlags& flags, const ReportNetworks& networks, const PictureSet& calibration,
               const PictureSet& images, int threads, Progress& progress, NetworkStudyResult& result) {
  NARROW_ASSIGN(result.remedies,
                measure_remedies(*networks.reference, result.model, planned_remedies(result.advice, result.layers),
                                 calibration, images, {flags.limit, flags.model.isa, threads, flags.duration},
                                 [&](const std::string& what, double done) {
                                   progress.start("measuring " + what + ", percent");
                                   progress.update(static_cast<std::size_t>(100 * done), 100);
                                 }));
  result.as_good_with_fewer_options = as_good_with_fewer_options(result.remedies.results);
  result.remedy_images = flags.remedies;
  return {};
}

Result<int> report(const ReportFlags& flags, Console& console) {
  if (!flags.remedies.empty() && (flags.against.empty() || flags.images.empty())) {
    return console.fail(
        Error{ErrorCode::kInvalidArgument,
              "needs --against, the float network to quantize anew, and --pictures to compare on", "--remedies"},
        kUsage);
  }
  std::optional<OutputFile> output;
  if (!flags.output.empty()) {
    if (const Status built_in = check_page_is_built_in("--output"); !built_in.ok())
      return console.fail(built_in.error());
    NARROW_TRY(check_not_an_input(flags.output, {flags.model.path, flags.against, flags.model.labels}));
    NARROW_TRY(check_replaces_own(flags.output, page_begin(Page::kReport), "a page of narrow report"));
    NARROW_TRY(check_output_name(flags.output, OutputKind::kPage));
    NARROW_ASSIGN(output, OutputFile::create(flags.output));
  }
  NARROW_ASSIGN(const ReportNetworks networks, load_networks(flags));
  if (!std::holds_alternative<Model>(networks.model.model)) {
    return console.fail(Error{ErrorCode::kInvalidArgument,
                              "is a float network, and reports are about what quantization did; narrow quantize makes "
                              "an integer network of it, and --against compares that with this file",
                              flags.model.path},
                        kUsage);
  }
  std::optional<PictureSet> images;
  if (!flags.images.empty()) {
    const std::vector<std::string>& own = networks.model.labels;
    const bool has_labels = networks.reference && !networks.reference->labels.empty();
    NARROW_ASSIGN(images, open_images(flags.images, has_labels ? networks.reference->labels : own, Unreadable::kLeftOut,
                                      console));
  }
  // Before the study, which takes longest: a folder that is not there is known at once.
  std::optional<PictureSet> calibration;
  if (!flags.remedies.empty()) {
    NARROW_ASSIGN(calibration, open_images(flags.remedies, networks.reference->labels, Unreadable::kLeftOut, console));
  }
  say_when_interrupted("no page is written; the same command starts anew, and --limit N takes fewer images");
  Progress progress("reading image");
  const int threads = threads_to_use(flags.threads, 256);
  const std::size_t available = images ? images->size() : 0;
  std::vector<std::string> unreadable;
  if (images) {
    Result<ReadableImages> readable =
        readable_images(*images, flags.limit, threads, console,
                        [&](std::size_t done, std::size_t total) { progress.update(done, total); });
    progress.erase();
    if (!readable.ok()) return std::move(readable).error();
    images = std::move(readable->images);
    unreadable = std::move(readable->unreadable);
  }
  constexpr double kPercent = 100;
  NARROW_ASSIGN(NetworkStudyResult result,
                study_network_file(networks.model, networks.reference ? &*networks.reference : nullptr,
                                   images ? &*images : nullptr, flags.images,
                                   {flags.limit, flags.model.isa, threads, flags.duration},
                                   [&](const std::string& what, double done) {
                                     progress.start("measuring " + what + ", percent");
                                     progress.update(static_cast<std::size_t>(kPercent * done), 100);
                                   }));
  if (calibration) NARROW_TRY(measure(flags, networks, *calibration, *images, threads, progress, result));
  progress.erase();
  if (result.comparison) result.comparison->available = available;
  if (!unreadable.empty()) result.notes.push_back(unreadable_text(unreadable));
  const bool needs_document = output || console.json();
  const std::string document = needs_document ? study_json(result) : std::string();
  if (output) {
    const std::string name = std::filesystem::path(flags.model.path).filename().string();
    const std::string page = page_of(Page::kReport, document, name + " - narrow report");
    NARROW_TRY(output->write(std::as_bytes(std::span(page))));
    NARROW_TRY(output->commit());
  }
  console.print(study_text(result));
  if (output) console.print("\nwrote " + flags.output + "\n");
  console.result(document);
  return unreadable.empty() ? kSuccess : kPartialFailure;
}

constexpr const char* kReportExamples =
    "Examples:\n"
    "  narrow report resnet20.nrw --against resnet20.pth --pictures photos/ -o report.html\n"
    "  narrow report resnet20.nrw --against resnet20.pth --pictures photos/ --json | jq .advice\n"
    "  narrow report resnet20.nrw --against resnet20.pth --pictures test/ --remedies train/ -o report.html\n"
    "  narrow report resnet20.nrw -o report.html        ranges, kernels and times; no errors\n"
    "\n"
    "The page is one file, which needs no network; docs/report.md says how to read it. Without --against there are no\n"
    "errors and no advice. Without --pictures the layers see random bytes, whose errors are others. Images that can't "
    "be\n"
    "read are reported, and the others measured: exit code 3.";

}  // namespace

Command add_report(CommandLine& line) {
  auto flags = std::make_shared<ReportFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("report", "Show what quantization did to a network: a page with every layer", kReportExamples);
  command.add("MODEL", flags->model.path, "A .nrw file, or a pre-quantized ONNX file").required();
  command.add("--against", flags->against, "The network that it was made of, to measure errors").type_name("NETWORK");
  command.add("--pictures", flags->images, "Images to measure with (see narrow --help); labels are not needed")
      .type_name("PICTURES");
  command
      .add(
          "--remedies", flags->remedies,
          "Also quantize anew with what is recommended, calibrated with these images, and measure it; takes as long as "
          "three times narrow quantize. May be repeated")
      .one_value()
      .type_name("PICTURES");
  command.add("-o,--output", flags->output, "The page to write").type_name("FILE.html");
  command
      .add("--limit", flags->limit,
           "Use at most N images, evenly spread; default: all for the answers, 64 for the layers")
      .check(whole_number(1, 1000000000))
      .type_name("N");
  command.add("--duration", flags->duration, "Seconds for which each network is timed, 1 unless given")
      .check(positive_number())
      .type_name("S");
  add_threads_option(command, flags->threads);
  add_json_option(command, *json);
  add_isa_option(command, flags->model.isa);
  add_limit_options(command, flags->model.limits);
  add_labels_option(command, flags->model.labels);
  add_preprocess_options(command, flags->model.preprocess);
  flags->model.import_options = add_import_options(command, flags->model.import, false);
  return {command, json, [flags](Console& console) { return finish(console, report(*flags, console)); }};
}

}  // namespace narrow::cli
