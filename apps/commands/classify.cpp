// narrow classify: names what images show.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/commands/open_images.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/report/classify_report.h"
#include "apps/report/progress.h"
#include "apps/run/answers.h"
#include "apps/run/model_file.h"
#include "apps/run/scoring.h"
#include "base/try.h"
#include "narrow/image.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct ClassifyFlags {
  ModelFlags model;
  std::vector<std::string> images;
  int top = 5;
  std::string scores = "auto";
  int threads = 0;
};

constexpr std::size_t kBatch = 8;

// An image of an opened set, or the reason why an argument's set could not be opened.
struct Item {
  const PictureSet* set = nullptr;
  std::size_t index = 0;
  std::string argument;
  Status status;
};

// Opens each argument on its own: an argument that can't be read must not prevent the classification of the others.
std::vector<Item> open_each(const std::vector<std::string>& arguments, const std::vector<std::string>& labels,
                            std::vector<std::unique_ptr<PictureSet>>& sets, Console& console) {
  std::vector<Item> items;
  for (const std::string& argument : arguments) {
    Result<PictureSet> set = open_images({argument}, labels, Unreadable::kLeftOut, console);
    if (!set.ok()) {
      items.push_back({nullptr, 0, argument, std::move(set).error()});
      continue;
    }
    sets.push_back(std::make_unique<PictureSet>(*std::move(set)));
    for (std::size_t i = 0; i < sets.back()->size(); ++i) items.push_back({sets.back().get(), i, argument, {}});
  }
  return items;
}

std::string label_of(const LoadedModel& loaded, int class_index) {
  return static_cast<std::size_t>(class_index) >= loaded.labels.size()
             ? "class " + std::to_string(class_index)
             : loaded.labels[static_cast<std::size_t>(class_index)];
}

ClassifiedImage classified(const Scored& scored, const LoadedModel& loaded, const Answers& answers, int top) {
  ClassifiedImage image{.image = scored.name};
  for (const Ranked& ranked : top_k(answers.scores, std::min(top, static_cast<int>(answers.scores.size())))) {
    ClassScore best{ranked.class_index, label_of(loaded, ranked.class_index), std::nullopt, ranked.score};
    if (answers.probabilities) best.probability = (*answers.probabilities)[static_cast<std::size_t>(best.class_index)];
    image.best.push_back(std::move(best));
  }
  return image;
}

// The error for a network among the images, which follows --model elsewhere.
std::optional<Error> misplaced_network(const ClassifyFlags& flags) {
  for (std::size_t i = 0; i < flags.images.size(); ++i) {
    const std::string& name = flags.images[i];
    const std::string extension = std::filesystem::path(name).extension().string();
    std::error_code ignored;
    if (extension == ".bin" || !std::filesystem::is_regular_file(name, ignored) || !detect_format(name).ok()) continue;
    std::string rest;
    for (const std::string& other : flags.images) rest += &other == &name ? "" : " " + other;
    return Error{ErrorCode::kInvalidArgument,
                 "is a network, not an image; did you mean: narrow classify --model " + name +
                     (rest.empty() ? " PICTURE" : rest),
                 name};
  }
  return std::nullopt;
}

Result<int> classify(const ClassifyFlags& flags, Console& console) {
  if (const std::optional<Error> misplaced = misplaced_network(flags)) return console.fail(*misplaced, kUsage);
  NARROW_ASSIGN(const FileFormat file_format, format_of(flags.model));
  if (const std::optional<Error> useless = useless_option(flags.model, file_format))
    return console.fail(*useless, kUsage);
  NARROW_ASSIGN(const LoadedModel loaded, load_model_file(flags.model, file_format));
  std::vector<std::unique_ptr<PictureSet>> sets;
  const std::vector<Item> items = open_each(flags.images, loaded.labels, sets, console);
  const int threads = threads_to_use(flags.threads, items.size());
  const int batch = static_cast<int>(std::clamp<std::size_t>(items.size(), 1, kBatch));
  NARROW_ASSIGN(const std::unique_ptr<Network> network, open_network(loaded, flags.model.isa, threads, batch));

  ClassifyReport report{.network = describe(*network, flags.model.path),
                        .preprocessing = loaded.preprocessing,
                        .preprocessing_is_assumed = loaded.preprocessing_is_assumed,
                        .notes = loaded.notes,
                        .threads = threads};
  for (const auto& set : sets) {
    report.left_out.insert(report.left_out.end(), set->left_out().begin(), set->left_out().end());
  }
  const ScoreReading reading = parse_score_reading(flags.scores);
  Progress progress("classifying");
  const auto fetch = [&](std::size_t i) -> Result<LabelledPicture> {
    if (!items[i].status.ok()) return items[i].status.error();
    return items[i].set->get(items[i].index);
  };
  const auto sink = [&](const Scored& scored) -> Status {
    progress.erase();
    if (scored.status.ok()) {
      const Answers answers = answers_of(scored.scores, network->score_kind(), reading, loaded.labels.size());
      report.images.push_back(classified(scored, loaded, answers, flags.top));
      console.print(image_text(report.images.back()));
    } else {
      console.report(scored.status.error());
      report.images.push_back({.image = items[scored.index].argument, .error = scored.status.error()});
    }
    progress.update(scored.index + 1, items.size());
    return {};
  };
  NARROW_ASSIGN(const ScoringTime time,
                score_images(*network, items.size(), fetch, {loaded.preprocessing, threads, batch}, sink));
  progress.erase();
  report.seconds = time.total_seconds;
  console.print(classify_text(report));
  console.result(classify_json(report));
  const std::size_t failed = report.failed();
  if (failed == 0) return kSuccess;
  return failed == items.size() ? kFailure : kPartialFailure;
}

constexpr const char* kClassifyExamples =
    "Examples:\n"
    "  narrow classify cat.jpg dog.png          five best classes of each, with the built-in model\n"
    "  narrow classify --model m.nrw photos/    every image of a folder, with a model of your own\n"
    "  narrow classify --model net.onnx --labels classes.txt --preprocess imagenet cat.jpg\n"
    "  narrow classify --top 1 --json cat.jpg   for programs\n"
    "\n"
    "Images that can't be read are reported and the others classified: exit code 3.";

}  // namespace

Command add_classify(CommandLine& line) {
  auto flags = std::make_shared<ClassifyFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("classify", "Name what images show", kClassifyExamples);
  command.add("PICTURE", flags->images, "Images: files, folders or lists (see narrow --help)").required();
  command
      .add("--model", flags->model.path,
           model_argument_text() + "; default: the model that is built in (CIFAR-10 classes)")
      .type_name("FILE");
  command.add("--top", flags->top, "How many classes to print, 5 unless given")
      .check(whole_number(1, 100000))
      .type_name("K");
  command
      .add(
          "--scores", flags->scores,
          "What the scores are: auto (default; as the network says), softmax (one class an image), sigmoid (each class "
          "on its own), raw (print them as they are)")
      .check(one_of(score_reading_names()))
      .type_name("KIND");
  add_threads_option(command, flags->threads);
  add_json_option(command, *json);
  add_model_options(command, flags->model);
  return {command, json, [flags](Console& console) { return finish(console, classify(*flags, console)); }};
}

}  // namespace narrow::cli
