// narrow evaluate: how often is a network right on labelled pictures, and how fast is it?
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/files/output_file.h"
#include "apps/report/json.h"
#include "apps/report/progress.h"
#include "apps/report/text.h"
#include "apps/run/model_file.h"
#include "apps/run/scoring.h"
#include "narrow/image.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct EvaluateFlags {
  ModelFlags model;
  std::vector<std::string> pictures;
  std::string scores;
  std::size_t limit = 0;
  int batch = 16;
  int threads = 0;
};

struct Tally {
  std::size_t pictures = 0;
  std::size_t top1 = 0;
  std::size_t top5 = 0;

  void add(std::span<const float> scores, int label) {
    const std::vector<Ranked> best = top_k(scores, std::min(5, static_cast<int>(scores.size())));
    ++pictures;
    if (best.front().class_index == label) ++top1;
    const auto is_label = [label](const Ranked& ranked) { return ranked.class_index == label; };
    if (std::any_of(best.begin(), best.end(), is_label)) ++top5;
  }
  [[nodiscard]] double percent(std::size_t right) const {
    return 100.0 * static_cast<double>(right) / static_cast<double>(pictures);
  }
};

Result<PictureSet> open_labelled(const EvaluateFlags& flags, const std::vector<std::string>& class_names) {
  NARROW_ASSIGN(PictureSet pictures, PictureSet::open({flags.pictures.begin(), flags.pictures.end()}, class_names));
  if (!pictures.labelled()) {
    return Error{ErrorCode::kInvalidArgument,
                 "these pictures have no labels to compare with; give a folder with a subfolder per class, a text "
                 "file of path<TAB>label lines, a CIFAR-10 binary file or MNIST's IDX files",
                 join(flags.pictures, " ")};
  }
  return pictures;
}

std::string result_text(const EvaluateFlags& flags, const LoadedModel& loaded, const Network& network,
                        const Tally& tally, const ScoringTime& time, int threads, std::size_t available) {
  const auto line = [&](const char* name, std::size_t right) {
    return format("%-15s%.2f %%  (%zu of %zu)\n", name, tally.percent(right), right, tally.pictures);
  };
  const auto count = static_cast<double>(tally.pictures);
  std::string out = format("%-15s%s: %s, %s, %s\n", "network", flags.model.path.c_str(), network.architecture().c_str(),
                           network.bits().c_str(), network.arithmetic().c_str());
  out += "pictures       " + join(flags.pictures, " ");
  if (tally.pictures < available) out += format(": %zu of %zu, evenly spread", tally.pictures, available);
  out += "\n" + preprocessing_lines(loaded.preprocessing, loaded.preprocessing_is_assumed);
  for (const std::string& note : loaded.notes) out += "note: " + note + "\n";
  out += line("top-1", tally.top1) + line("top-5", tally.top5);
  out += format("%-15s%.1f pictures/s, %.1f with decoding; %s, %s, batch %d\n", "speed",
                count / std::max(time.network_seconds, 1e-9), count / std::max(time.total_seconds, 1e-9),
                network.isa().c_str(), plural(static_cast<std::uint64_t>(threads), "thread").c_str(), flags.batch);
  return out;
}

Json result_json(const EvaluateFlags& flags, const LoadedModel& loaded, const Network& network, const Tally& tally,
                 const ScoringTime& time, int threads, std::size_t available) {
  const auto share = [&](std::size_t right) { return Json{{"right", right}, {"percent", tally.percent(right)}}; };
  const auto count = static_cast<double>(tally.pictures);
  Json document;
  document["model"] = {{"file", flags.model.path},
                       {"architecture", network.architecture()},
                       {"bits", network.bits()},
                       {"arithmetic", network.arithmetic()}};
  document["pictures"] = {{"from", flags.pictures}, {"count", tally.pictures}, {"available", available}};
  document["preprocessing"] = preprocessing_json(loaded.preprocessing);
  document["preprocessing_is_assumed"] = loaded.preprocessing_is_assumed;
  document["notes"] = loaded.notes;
  document["top1"] = share(tally.top1);
  document["top5"] = share(tally.top5);
  document["speed"] = {{"pictures_per_second", count / std::max(time.network_seconds, 1e-9)},
                       {"pictures_per_second_with_decoding", count / std::max(time.total_seconds, 1e-9)},
                       {"network_seconds", time.network_seconds},
                       {"total_seconds", time.total_seconds}};
  document["isa"] = network.isa();
  document["threads"] = threads;
  document["batch"] = flags.batch;
  if (!flags.scores.empty()) document["scores"] = flags.scores;
  return document;
}

Result<int> evaluate(const EvaluateFlags& flags, Console& console) {
  NARROW_ASSIGN(const FileFormat file_format, format_of(flags.model));
  if (const std::optional<Error> useless = useless_option(flags.model, file_format))
    return console.fail(*useless, kUsage);
  const int threads = threads_to_use(flags.threads, 256);
  NARROW_ASSIGN(const LoadedModel loaded, load_model_file(flags.model, file_format));
  NARROW_ASSIGN(const std::unique_ptr<Network> network, open_network(loaded, flags.model.isa, threads, flags.batch));
  NARROW_ASSIGN(const PictureSet pictures, open_labelled(flags, loaded.labels));
  std::optional<OutputFile> scores_file;
  if (!flags.scores.empty()) {
    NARROW_ASSIGN(scores_file, OutputFile::create(flags.scores));
  }

  const std::size_t count = flags.limit == 0 ? pictures.size() : std::min(flags.limit, pictures.size());
  Tally tally;
  Progress progress("evaluating, picture");
  const auto fetch = [&](std::size_t i) { return pictures.get(i * pictures.size() / count); };
  const auto sink = [&](const Scored& scored) -> Status {
    NARROW_TRY(scored.status);
    if (*scored.label < 0 || *scored.label >= network->classes()) {
      return Error{ErrorCode::kInvalidArgument,
                   format("its label is class %d, but the network has %lld classes", *scored.label,
                          static_cast<long long>(network->classes())),
                   scored.name};
    }
    tally.add(scored.scores, *scored.label);
    if (scores_file) NARROW_TRY(scores_file->write(std::as_bytes(scored.scores)));
    progress.update(scored.index + 1, count);
    return {};
  };
  Result<ScoringTime> time = score_pictures(*network, count, fetch, {loaded.preprocessing, threads, flags.batch}, sink);
  progress.erase();
  if (!time.ok()) return std::move(time).error();
  if (scores_file) NARROW_TRY(scores_file->commit());

  console.print(result_text(flags, loaded, *network, tally, *time, threads, pictures.size()));
  console.result(result_json(flags, loaded, *network, tally, *time, threads, pictures.size()));
  return kSuccess;
}

constexpr const char* kExamples =
    "Examples:\n"
    "  narrow evaluate resnet20.nrw test/                     a folder with a subfolder per class\n"
    "  narrow evaluate resnet20.pth test_batch.bin            the float network, as a baseline\n"
    "  narrow evaluate net.onnx val.tsv --preprocess imagenet-crop\n"
    "  narrow evaluate net.qdq.onnx t10k-images-idx3-ubyte.gz --preprocess gray.json\n"
    "  narrow evaluate m.nrw val.tsv --isa scalar --scores s.f32\n"
    "\n"
    "--scores writes the raw scores, float32 in this machine's byte order, [pictures, classes]: two runs of the\n"
    "same model give the same bytes, whatever the instruction set, threads and batch. A picture that can't be\n"
    "read ends the evaluation: a share of fewer pictures than asked for would mislead.";

}  // namespace

Command add_evaluate(CLI::App& parent) {
  auto flags = std::make_shared<EvaluateFlags>();
  auto json = std::make_shared<bool>(false);
  CLI::App* app = parent.add_subcommand("evaluate", "Measure how often a network is right, and how fast it is");
  app->footer(kExamples);
  app->add_option("MODEL", flags->model.path, "A .nrw file, ONNX, or weights (a PyTorch checkpoint, safetensors)")
      ->required();
  app->add_option("PICTURES", flags->pictures, "Labelled pictures (see narrow --help)")->required();
  app->add_option("--limit", flags->limit, "Use at most N pictures, evenly spread")
      ->check(whole_number(1, 1000000000))
      ->type_name("N");
  app->add_option("--batch", flags->batch, "Pictures in one run of the network, 16 unless given")
      ->check(whole_number(1, 1024))
      ->type_name("N");
  app->add_option("--scores", flags->scores, "Write the scores of all pictures to this file")->type_name("FILE");
  add_threads_option(*app, flags->threads);
  add_json_option(*app, *json);
  add_model_options(*app, flags->model);
  return {app, json, [flags](Console& console) { return finish(console, evaluate(*flags, console)); }};
}

}  // namespace narrow::cli
