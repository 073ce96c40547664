// narrow evaluate: measures how often a network is right on labelled images, and how fast it is; of two networks also
// how close their scores are.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "apps/commands/commands.h"
#include "apps/commands/open_images.h"
#include "apps/commands/settings.h"
#include "apps/files/interruption.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/report/comparison_report.h"
#include "apps/report/evaluate_report.h"
#include "apps/report/progress.h"
#include "apps/run/answers.h"
#include "apps/run/comparison.h"
#include "apps/run/model_file.h"
#include "apps/run/scoring.h"
#include "apps/run/shard.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/image.h"

namespace narrow::cli {

namespace {

struct EvaluateFlags {
  ModelFlags model;
  std::vector<std::string> positional;  // after the model: perhaps a network, and images
  std::vector<std::string> images;      // of --images
  std::vector<std::string> merge;
  std::string scores;
  std::string shard;
  std::size_t limit = 0;
  int batch = 16;
  int threads = 0;
  bool skip_unreadable = false;

  [[nodiscard]] Unreadable unreadable() const { return skip_unreadable ? Unreadable::kLeftOut : Unreadable::kRefused; }
};

// The images of all paths, or the error that names --skip-unreadable.
Result<PictureSet> open_all(const std::vector<std::string>& paths, const std::vector<std::string>& class_names,
                            const EvaluateFlags& flags, Console& console) {
  Result<PictureSet> images = open_images(paths, class_names, flags.unreadable(), console);
  if (images.ok() || flags.skip_unreadable || images.error().code != ErrorCode::kUnsupported) return images;
  Error error = std::move(images).error();
  error.message += ", or give --skip-unreadable to measure the others";
  return error;
}

Result<PictureSet> open_labelled(const std::vector<std::string>& paths, const std::vector<std::string>& class_names,
                                 const EvaluateFlags& flags, Console& console) {
  NARROW_ASSIGN(PictureSet images, open_all(paths, class_names, flags, console));
  if (!images.labelled()) {
    return Error{ErrorCode::kInvalidArgument,
                 "these images have no labels to compare with; give a folder with a subfolder per class, a text "
                 "file of path<TAB>label lines, a CIFAR-10 binary file or MNIST's IDX files",
                 join(paths, " ")};
  }
  return images;
}

// What the positional arguments after the first one are.
struct Arguments {
  std::string other;  // a second network; may be empty
  std::vector<std::string> images;
};

std::variant<Arguments, Error> arguments_of(const EvaluateFlags& flags) {
  const auto wrong = [](std::string message) {
    return Error{ErrorCode::kInvalidArgument, std::move(message) + " (see narrow evaluate --help)", "evaluate"};
  };
  Arguments arguments;
  arguments.images = flags.positional;
  const bool has_other = !flags.positional.empty() && (!flags.images.empty() || is_network_file(flags.positional[0]));
  if (has_other) {
    arguments.other = flags.positional[0];
    arguments.images.erase(arguments.images.begin());
  }
  if (!flags.images.empty() && !arguments.images.empty()) {
    return wrong("images are given with --pictures and as '" + arguments.images[0] + "'");
  }
  if (!flags.images.empty()) arguments.images = flags.images;
  if (arguments.images.empty()) {
    const bool swapped = has_other && !is_network_file(flags.model.path);
    return wrong("PICTURES is required" + (swapped ? "; the network comes first: narrow evaluate " +
                                                         name_text(arguments.other) + " " + name_text(flags.model.path)
                                                   : std::string()));
  }
  if (has_other && !flags.scores.empty()) return wrong("--scores is for one network");
  if (has_other && !flags.shard.empty()) return wrong("--shard is for one network");
  return arguments;
}

Result<int> evaluate_two(const EvaluateFlags& flags, const Arguments& arguments, Console& console) {
  NARROW_ASSIGN(const LoadedPair pair, load_pair(flags.model, flags.model.path, arguments.other));
  const std::vector<std::string>& labels = pair.reference.labels.empty() ? pair.other.labels : pair.reference.labels;
  NARROW_ASSIGN(const PictureSet images, open_all(arguments.images, labels, flags, console));
  say_when_interrupted("nothing is written; the same command starts anew, and --limit N takes fewer images");
  Progress progress("evaluating, image");
  Result<Comparison> comparison =
      compare_on_images(pair, {flags.model.path, arguments.other}, images,
                        {flags.limit, flags.model.isa, threads_to_use(flags.threads, 256), flags.batch},
                        [&progress](std::size_t done, std::size_t total) { progress.update(done, total); });
  progress.erase();
  if (!comparison.ok()) return std::move(comparison).error();
  comparison->images = arguments.images;
  console.print(comparison_text(*comparison));
  console.result(comparison_json(*comparison));
  return kSuccess;
}

Result<int> evaluate_one(const EvaluateFlags& flags, const std::vector<std::string>& paths, Console& console) {
  NARROW_ASSIGN(const FileFormat file_format, format_of(flags.model));
  if (const std::optional<Error> useless = useless_option(flags.model, file_format))
    return console.fail(*useless, kUsage);
  const int threads = threads_to_use(flags.threads, 256);
  NARROW_ASSIGN(const LoadedModel loaded, load_model_file(flags.model, file_format));
  NARROW_ASSIGN(const std::unique_ptr<Network> network, open_network(loaded, flags.model.isa, threads, flags.batch));
  NARROW_ASSIGN(const PictureSet images, open_labelled(paths, loaded.labels, flags, console));
  std::optional<Shard> shard;
  if (!flags.shard.empty()) {
    Result<Shard> parsed = parse_shard(flags.shard);
    if (!parsed.ok()) return console.fail(parsed.error(), kUsage);
    shard = *parsed;
  }
  std::optional<OutputFile> scores_file;
  if (!flags.scores.empty()) {
    std::vector<std::string> inputs = paths;
    for (const std::string& input : {flags.model.path, flags.model.labels, flags.model.preprocess.preset}) {
      inputs.push_back(input);
    }
    NARROW_TRY(check_not_an_input(flags.scores, inputs));
    NARROW_TRY(check_replaceable(flags.scores, std::nullopt));
    NARROW_TRY(check_output_name(flags.scores, OutputKind::kScores));
    NARROW_ASSIGN(scores_file, OutputFile::create(flags.scores));
  }

  const std::size_t chosen = flags.limit == 0 ? images.size() : std::min(flags.limit, images.size());
  const std::size_t count = shard ? shard->share_of(chosen) : chosen;
  if (count == 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "has no image: there are " + std::to_string(chosen) + "; give at most as many shards", "--shard"};
  }
  EvaluateReport report{.network = describe(*network, flags.model.path),
                        .images = paths,
                        .available = images.size(),
                        .left_out = images.left_out(),
                        .preprocessing = loaded.preprocessing,
                        .preprocessing_is_assumed = loaded.preprocessing_is_assumed,
                        .notes = loaded.notes,
                        .threads = threads,
                        .batch = flags.batch,
                        .scores = flags.scores,
                        .chosen = chosen,
                        .shard = shard};
  if (shard) {
    NARROW_ASSIGN(ContentHash hash, hash_settings(flags.model, loaded, {"evaluate"}));
    for (std::size_t i = 0; i < chosen; ++i) {
      hash.add(images.name(i * images.size() / chosen));
      hash.add({"\0", 1});
    }
    report.settings = hash.text();
  }
  say_when_interrupted("nothing is written; the same command starts anew, and --limit N takes fewer images");
  Progress progress("evaluating, image");
  const auto fetch = [&](std::size_t i) {
    const std::size_t image = shard ? i * shard->count + shard->index : i;
    return images.get(image * images.size() / chosen);
  };
  const auto sink = [&](const Scored& scored) -> Status {
    NARROW_TRY(scored.status);
    NARROW_TRY(check_label(scored.label, scored.name, named_classes(network->classes())));
    report.tally.add(class_scores(scored.scores, network->score_kind()), *scored.label);
    if (scores_file) NARROW_TRY(scores_file->write(std::as_bytes(scored.scores)));
    progress.update(scored.index + 1, count);
    return {};
  };
  Result<ScoringTime> time = score_images(*network, count, fetch, {loaded.preprocessing, threads, flags.batch}, sink);
  progress.erase();
  if (!time.ok()) return std::move(time).error();
  if (scores_file) NARROW_TRY(scores_file->commit());
  report.time = *time;
  console.print(evaluate_text(report));
  console.result(evaluate_json(report));
  return kSuccess;
}

Result<std::string> read_document(const std::string& path) {
  constexpr std::uintmax_t kMostBytes = std::uintmax_t{16} << 20;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    return Error{ErrorCode::kNotFound, "there is no such file", path};
  }
  if (std::filesystem::file_size(path, ignored) > kMostBytes) {
    return Error{ErrorCode::kLimit, "is too large for a document of narrow evaluate", path};
  }
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return Error{ErrorCode::kIo, "could not be read", path};
  return text;
}

Result<int> merge_shards(const EvaluateFlags& flags, Console& console) {
  std::vector<ShardEvaluation> shards;
  for (const std::string& path : flags.merge) {
    NARROW_ASSIGN(const std::string text, read_document(path));
    NARROW_ASSIGN(ShardEvaluation shard, read_shard_evaluation(text, path));
    shards.push_back(std::move(shard));
  }
  NARROW_ASSIGN(const MergedEvaluation merged, merge(shards));
  console.print(merged_text(merged));
  console.result(merged_json(merged));
  return kSuccess;
}

// unused: the first option that was given and that --merge does not use; may be empty.
Result<int> evaluate(const EvaluateFlags& flags, const std::string& unused, Console& console) {
  const auto usage = [&](const char* message) {
    return console.fail({ErrorCode::kInvalidArgument, std::string(message) + " (see narrow evaluate --help)", {}},
                        kUsage);
  };
  if (!flags.merge.empty()) {
    if (!flags.model.path.empty()) return usage("--merge reads documents, and takes no network and no images");
    if (!unused.empty()) {
      return console.fail({ErrorCode::kInvalidArgument,
                           "has no effect with --merge, which adds up documents of evaluations that are done; leave it "
                           "out, or give it to those",
                           unused},
                          kUsage);
    }
    return merge_shards(flags, console);
  }
  if (flags.model.path.empty()) return usage("MODEL is required");
  const std::variant<Arguments, Error> arguments = arguments_of(flags);
  if (const auto* wrong = std::get_if<Error>(&arguments)) return console.fail(*wrong, kUsage);
  const auto& given = std::get<Arguments>(arguments);
  return given.other.empty() ? evaluate_one(flags, given.images, console) : evaluate_two(flags, given, console);
}

constexpr const char* kEvaluateExamples =
    "Examples:\n"
    "  narrow evaluate resnet20.nrw test/                     a folder with a subfolder per class\n"
    "  narrow evaluate resnet20.pth test_batch.bin            the float network, as a baseline\n"
    "  narrow evaluate net.onnx val.tsv --preprocess imagenet-crop\n"
    "  narrow evaluate net.qdq.onnx t10k-images-idx3-ubyte.gz --preprocess gray.json\n"
    "  narrow evaluate m.nrw val.tsv --isa scalar --scores s.f32\n"
    "  narrow evaluate m.nrw val.tsv --shard 3/8 --json >3.json   one of 8 parts, and then\n"
    "  narrow evaluate --merge 1.json 2.json ... 8.json       what one process would have measured\n"
    "  narrow evaluate resnet20.pth resnet20.nrw photos/      how close the second is to the first, without labels\n"
    "\n"
    "The argument after MODEL is a network if the file holds one, and otherwise images. With --pictures it is always\n"
    "a network. Of two networks the first is the reference. Printed are the share of images with the same best class,\n"
    "the mean KL divergence of the probabilities and the SQNR of the scores, each with its 95 % interval; top-1 and\n"
    "top-5 where all images have labels.\n"
    "\n"
    "--scores writes the raw scores, float32 in this machine's byte order, [images, classes]: two runs of the\n"
    "same model give the same bytes, whatever the instruction set, threads and batch. An image that can't be\n"
    "read ends the evaluation: the share of the other images would mislead. So do files of a folder that are images\n"
    "of a kind that this build can't read, unless --skip-unreadable is given; they are then named.";

}  // namespace

Command add_evaluate(CommandLine& line) {
  auto flags = std::make_shared<EvaluateFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("evaluate", "Measure how often a network is right, and how fast it is", kEvaluateExamples);
  command.add("MODEL", flags->model.path, model_argument_text());
  command.add("PICTURES", flags->positional,
              "Labelled images (see narrow --help); first, to compare two networks, the other one");
  command.add("--pictures", flags->images, "The images, instead of PICTURES").type_name("PICTURES");
  command.add("--limit", flags->limit, "Use at most N images, evenly spread")
      .check(whole_number(1, 1000000000))
      .type_name("N");
  command.add("--batch", flags->batch, "Images in one run of the network, 16 unless given")
      .check(whole_number(1, 1024))
      .type_name("N");
  command
      .add("--shard", flags->shard,
           "Measure one of N equal parts, I from 1; auto: as the variables of MPI or Slurm say")
      .check(shard_text())
      .type_name("I/N");
  command.add("--merge", flags->merge, "Instead of measuring: add up the --json documents of all shards")
      .type_name("FILE.json");
  command.add("--scores", flags->scores, "Write the scores of all images to this file").type_name("FILE");
  command.add_flag("--skip-unreadable", flags->skip_unreadable,
                   "Measure the images of a folder that can be read where others are of a kind that can't");
  add_threads_option(command, flags->threads);
  add_json_option(command, *json);
  add_model_options(command, flags->model);
  return {command, json, [flags, command](Console& console) {
            const std::vector<std::string> others = command.given_options({"--merge", "--json"});
            return finish(console, evaluate(*flags, others.empty() ? std::string() : others.front(), console));
          }};
}

}  // namespace narrow::cli
