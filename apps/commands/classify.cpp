// narrow classify: names what images show.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "apps/commands/annotate.h"
#include "apps/commands/answer_output.h"
#include "apps/commands/commands.h"
#include "apps/commands/settings.h"
#include "apps/commands/sheet_output.h"
#include "apps/files/interruption.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/report/classify_report.h"
#include "apps/report/progress.h"
#include "apps/run/answers.h"
#include "apps/run/comparison.h"
#include "apps/run/image_queue.h"
#include "apps/run/left_out.h"
#include "apps/run/model_file.h"
#include "apps/run/scoring.h"
#include "apps/run/shard.h"
#include "apps/text/describe.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/image.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct ClassifyFlags {
  ModelFlags model;
  std::vector<std::string> images;
  std::string scores = "auto";
  std::string output;
  std::string shard;
  std::string annotate;
  std::string contact_sheet;
  std::string against;  // for the contact sheet
  std::string order;
  std::string watch;
  std::string help;  // how to read it
  std::string standard_input = "auto";
  std::shared_ptr<bool> json = std::make_shared<bool>(false);
  int top = 5;
  int threads = 0;
  bool json_lines = false;
  bool csv = false;
  bool resume = false;
  bool recursive = false;
  bool bundled = false;  // the model is a part of this program

  [[nodiscard]] AnswerForm form() const {
    if (json_lines) return AnswerForm::kJsonLines;
    if (csv) return AnswerForm::kCsv;
    return *json ? AnswerForm::kJson : AnswerForm::kText;
  }
};

constexpr std::size_t kBatch = 8;

std::string label_of(const LoadedModel& loaded, int class_index) {
  const std::vector<std::string>& labels = loaded.shown_labels();
  return static_cast<std::size_t>(class_index) >= labels.size() ? "class " + std::to_string(class_index)
                                                                : labels[static_cast<std::size_t>(class_index)];
}

ClassifiedImage classified(const Scored& scored, const LoadedModel& loaded, const Answers& answers, int top) {
  ClassifiedImage image{.image = scored.name, .index = scored.index};
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
    if (flags.bundled) return Error{ErrorCode::kInvalidArgument, "is a network; this program has one of its own", name};
    std::string rest;
    for (const std::string& other : flags.images) rest += &other == &name ? "" : " " + other;
    return Error{ErrorCode::kInvalidArgument,
                 "is a network, not an image; did you mean: narrow classify --model " + name +
                     (rest.empty() ? " PICTURE" : rest),
                 name};
  }
  return std::nullopt;
}

// The error for options that do not go together.
std::optional<Error> contradiction(const ClassifyFlags& flags) {
  const auto error = [](const char* message, const char* option) {
    return Error{ErrorCode::kInvalidArgument, message, option};
  };
  const bool lines = flags.json_lines || flags.csv;
  if (!flags.output.empty() && !lines) return error("needs --jsonl or --csv, which say what to write", "--output");
  if (flags.resume && (!flags.json_lines || flags.output.empty())) {
    return error("needs --jsonl and --output FILE, the file to continue", "--resume");
  }
  if (!flags.contact_sheet.empty()) {
    if (flags.scores == "raw")
      return error("sorts by probabilities, which --scores raw has none of", "--contact-sheet");
    if (flags.resume) return error("shows all images, and --resume leaves some out", "--contact-sheet");
    if (std::filesystem::path(flags.contact_sheet).extension() != ".png") {
      return error("is a PNG file; give a name that ends in .png", "--contact-sheet");
    }
  }
  if (flags.contact_sheet.empty()) {
    if (!flags.order.empty()) return error("needs --contact-sheet FILE.png, whose images it sorts", "--order");
    if (!flags.against.empty()) {
      return error(
          "needs --contact-sheet FILE.png, which shows both answers; narrow compare and narrow evaluate say "
          "how often two networks differ",
          "--against");
    }
  }
  if (flags.against.empty() && flags.order == "disagreement") {
    return error("needs --against NETWORK, the network to disagree with, such as the one that the model was made of",
                 "--order disagreement");
  }
  if (flags.images.empty() && flags.watch.empty()) {
    return Error{ErrorCode::kInvalidArgument, "PICTURE is required (see " + flags.help + ")", ""};
  }
  if (!flags.watch.empty()) {
    if (*flags.json) return error("answers at its end, and a watch has none; give --jsonl", "--json");
    if (!flags.shard.empty()) return error("divides images that are known, and a watch waits for new ones", "--shard");
    if (!flags.annotate.empty() && std::filesystem::path(flags.annotate).has_extension()) {
      return error("needs a folder, because a watch has many images", "--annotate");
    }
  }
  const auto inputs = std::count(flags.images.begin(), flags.images.end(), "-");
  if (inputs > 1) return error("stands for standard input, which can be read once", "-");
  if (inputs == 0 && flags.standard_input != "auto") return error("needs '-' among the images", "--stdin");
  return std::nullopt;
}

std::string network_name(const NetworkSummary& network) {
  return network.file.empty() ? network.architecture : std::filesystem::path(network.file).filename().string();
}

// How lines say what the text at the end of a run says.
void print_notes(const ClassifyReport& report, Console& console) {
  if (report.preprocessing_is_assumed) {
    console.note("the file does not specify the preprocessing; assumed: " + preprocessing_text(report.preprocessing));
  }
  for (const std::string& note : report.notes) console.note(note);
}

// What a run that is interrupted leaves, and how to go on.
std::string how_to_go_on(const ClassifyFlags& flags, const std::string& path) {
  const std::string images = flags.annotate.empty() ? "" : "annotated images are whole; ";
  if (!path.empty() && flags.json_lines) {
    return images + name_text(path) + " has whole lines, and the same command " +
           (flags.resume ? "" : "with --resume ") + "goes on after them";
  }
  if (!path.empty()) {
    return images + name_text(path) + " has whole rows; the same command starts anew once it is removed, and --jsonl " +
           "writes lines that --resume goes on after";
  }
  return images + "the same command starts anew, and --jsonl --output FILE writes lines that --resume goes on after";
}

// The last line of a run whose answers went to a file.
std::string file_text(const ClassifyReport& report, const AnswerOutput& output, const std::string& path) {
  return name_text(path) + ": " + plural(output.kept() + report.classified + report.failed, "image") +
         (output.kept() > 0 ? ", " + std::to_string(output.kept()) + " of them from before" : "") + ", " +
         std::to_string(output.kept_failed() + report.failed) + " could not be read\n";
}

// The network that answers. second: the one of --against, if there is one.
Result<LoadedModel> load_both(const ClassifyFlags& flags, std::optional<LoadedModel>& second) {
  if (!flags.against.empty()) {
    NARROW_ASSIGN(LoadedPair pair, load_pair(flags.model, flags.against, flags.model.path));
    second = std::move(pair.reference);
    return std::move(pair.other);
  }
  NARROW_ASSIGN(const FileFormat format, format_of(flags.model));
  if (const std::optional<Error> useless = useless_option(flags.model, format)) return *useless;
  return load_model_file(flags.model, format);
}

Result<int> classify(const ClassifyFlags& flags, Console& console) {
  if (const std::optional<Error> problem = contradiction(flags)) return console.fail(*problem, kUsage);
  if (const std::optional<Error> misplaced = misplaced_network(flags)) return console.fail(*misplaced, kUsage);
  std::optional<Shard> shard;
  if (!flags.shard.empty()) {
    Result<Shard> parsed = parse_shard(flags.shard);
    if (!parsed.ok()) return console.fail(parsed.error(), kUsage);
    shard = *parsed;
  }
  const Result<std::string> path = path_of_shard(flags.output, shard);
  if (!path.ok()) return console.fail(path.error(), kUsage);
  std::vector<std::string> inputs = flags.images;
  for (const std::string& input :
       {flags.model.path, flags.model.labels, flags.model.preprocess.preset, flags.against}) {
    inputs.push_back(input);
  }
  if (!path->empty()) {
    NARROW_TRY(check_not_an_input(*path, inputs));
    NARROW_TRY(check_output_name(*path, flags.csv ? OutputKind::kTable : OutputKind::kLines));
  }
  std::optional<AnnotationFiles> annotations;
  if (!flags.annotate.empty()) {
    NARROW_TRY(check_not_an_input(flags.annotate, inputs));
    std::vector<std::string> read = flags.images;
    if (!flags.watch.empty()) read.push_back(flags.watch);
    NARROW_TRY(check_outside_inputs(flags.annotate, read));
    annotations.emplace(flags.annotate);
    NARROW_TRY(annotations->prepare());
  }
  std::optional<SheetOutput> sheet;
  if (!flags.contact_sheet.empty()) {
    NARROW_TRY(check_not_an_input(flags.contact_sheet, inputs));
    const bool by_confidence = flags.order.empty() ? flags.against.empty() : flags.order == "confidence";
    NARROW_ASSIGN(sheet, SheetOutput::create(flags.contact_sheet,
                                             by_confidence ? SheetOrder::kConfidence : SheetOrder::kDisagreement));
  }
  std::optional<LoadedModel> second;
  NARROW_ASSIGN(const LoadedModel loaded, load_both(flags, second));

  ImageQueue queue({flags.images, loaded.labels, flags.recursive ? FolderKind::kTree : FolderKind::kClasses,
                    parse_standard_input(flags.standard_input), flags.watch, flags.resume});
  if (!queue.left_out().empty()) console.note(left_out_text(queue.left_out()));
  const std::size_t in_all = queue.size().value_or(0);  // 0: not known
  const std::size_t total = shard ? shard->share_of(in_all) : in_all;
  if (annotations) NARROW_TRY(annotations->check_room_for(total));
  const int threads = threads_to_use(flags.threads, queue.size().value_or(kBatch * 1024));
  const std::size_t most = std::max<std::size_t>(kBatch, static_cast<std::size_t>(threads));
  const int batch = static_cast<int>(std::clamp<std::size_t>(queue.size().value_or(most), 1, most));
  NARROW_ASSIGN(const std::unique_ptr<Network> network, open_network(loaded, flags.model.isa, threads, batch));

  ClassifyReport report{.network = describe(*network, flags.model.path),
                        .preprocessing = loaded.preprocessing,
                        .preprocessing_is_assumed = loaded.preprocessing_is_assumed,
                        .notes = loaded.notes,
                        .threads = threads,
                        .left_out = queue.left_out()};
  if (!loaded.assumed_labels.empty()) {
    report.notes.emplace_back("the names of the classes are assumed to be ImageNet's; --labels gives others");
  } else if (loaded.labels.empty() && network->classes() == 1000) {
    report.notes.emplace_back("the classes have no names; --labels imagenet gives those of ImageNet");
  }
  if (second) {
    NARROW_ASSIGN(SecondNetwork other, SecondNetwork::open(*second, *network, flags.model.isa, threads, batch));
    sheet->compare_with(std::move(other), static_cast<std::size_t>(batch));
  }
  const bool lines = flags.json_lines || flags.csv;
  const int classes = static_cast<int>(loaded.labels.size() == 1 ? 1 : named_classes(network->classes()));
  std::string settings;
  if (flags.json_lines) {
    NARROW_ASSIGN(const ContentHash hash,
                  hash_settings(flags.model, loaded, {std::to_string(flags.top), flags.scores}));
    settings = hash.text();
  }
  NARROW_ASSIGN(
      AnswerOutput output,
      AnswerOutput::open({flags.form(), *path, flags.resume, settings, std::min(flags.top, classes)}, console));
  if (lines) print_notes(report, console);
  queue.keep([&](const ImageTask& image) { return (!shard || shard->has(image.index)) && !output.has(image.name); });
  const ScoreReading reading = parse_score_reading(flags.scores);
  say_when_interrupted(how_to_go_on(flags, *path));
  Progress progress("classifying");
  const auto take = [&](std::size_t count) { return queue.take(count); };
  const auto sink = [&](const Scored& scored) -> Status {
    // The line of the progress would be in the way of what is printed.
    if (path->empty() || !scored.status.ok()) progress.erase();
    ClassifiedImage image{.image = scored.name, .index = scored.index};
    if (scored.status.ok()) {
      const Answers answers = answers_of(scored.scores, network->score_kind(), reading, loaded.labels.size());
      image = classified(scored, loaded, answers, flags.top);
      ++report.classified;
    } else {
      image.error = scored.status.error();
      ++report.failed;
    }
    if (annotations && scored.status.ok()) NARROW_TRY(annotations->write(scored.picture, image));
    if (sheet && scored.status.ok()) {
      NARROW_TRY(sheet->add(scored.picture, image, {scored.scores, network->score_kind()}));
    }
    NARROW_TRY(output.add(image));
    if (flags.form() == AnswerForm::kJson) report.images.push_back(std::move(image));
    progress.update(output.kept() + report.classified + report.failed, total);
    return {};
  };
  const Result<ScoringTime> time =
      score_stream(*network, take, {loaded.preprocessing, threads, batch, annotations || sheet}, sink);
  progress.erase();
  // A reader that has seen enough ends the work. Console::flush() reports all other reasons.
  if (output.closed()) return kSuccess;
  if (!time.ok()) return time.error();
  NARROW_TRY(output.finish());
  report.seconds = time->total_seconds;
  if (!path->empty()) console.print(file_text(report, output, *path));
  if (annotations && (!lines || !path->empty())) {
    console.print("wrote " + plural(annotations->written(), "annotated image") + ": " + name_text(flags.annotate) +
                  "\n");
  }
  if (sheet) {
    const std::string name = network_name(report.network);
    NARROW_TRY(
        sheet->write(second ? name + " above " + std::filesystem::path(flags.against).filename().string() : name));
    if (!lines || !path->empty()) console.print(sheet->text());
  }
  if (!lines) console.print(classify_text(report));
  if (flags.form() == AnswerForm::kJson) console.result(classify_json(report));
  const std::size_t failed = output.kept_failed() + report.failed;
  if (failed == 0) return kSuccess;
  return failed == output.kept() + report.classified + report.failed ? kFailure : kPartialFailure;
}

constexpr const char* kClassifyExamples =
    "Examples:\n"
    "  narrow classify cat.jpg dog.png          five best classes of each, with the built-in model\n"
    "  narrow classify --model m.nrw photos/    every image of a folder, with a model of your own\n"
    "  narrow classify --model net.onnx --labels classes.txt --preprocess imagenet cat.jpg\n"
    "  narrow classify --top 1 --json cat.jpg   for programs\n"
    "  curl -s $URL | narrow classify -         an image, or a list of paths, on standard input\n"
    "  find photos -name '*.jpg' | narrow classify - --jsonl | jq -r .top[0].label\n"
    "  narrow classify photos --recursive --jsonl --output a.jsonl --resume --shard 1/8\n"
    "  narrow classify --watch inbox --jsonl --output a.jsonl --resume\n"
    "  narrow classify photos/ --model m.nrw --against net.onnx --contact-sheet changed.png\n"
    "\n"
    "Images that can't be read are reported and the others classified: exit code 3.";

}  // namespace

namespace {

Command classify_command(const Subcommand& command, bool bundled, const std::string& help) {
  auto flags = std::make_shared<ClassifyFlags>();
  flags->help = help;
  flags->bundled = bundled;
  command.add("PICTURE", flags->images, "Images: files, folders or lists of paths, one a line; '-': standard input");
  if (!bundled) {
    command
        .add("--model", flags->model.path,
             model_argument_text() + "; default: the model that is built in (CIFAR-10 classes)")
        .type_name("FILE");
  }
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
  command.add_flag("--recursive", flags->recursive, "All images below a folder, whatever its subfolders are");
  command
      .add(
          "--stdin", flags->standard_input,
          "What '-' stands for: image (one), paths (one a line), paths0 (one before each zero byte), auto (default: an "
          "image if it begins as one, else paths)")
      .check(one_of(standard_input_names()))
      .type_name("KIND");
  command
      .add("--watch", flags->watch,
           "Then wait for new images in this folder, until Ctrl-C; with --resume also those that are in it already")
      .type_name("DIR");
  const Option json_lines =
      command.add_flag("--jsonl", flags->json_lines, "One JSON object an image, each as soon as it is done");
  const Option csv = command.add_flag("--csv", flags->csv, "One row an image, each as soon as it is done");
  csv.excludes(json_lines);
  command
      .add("-o,--output", flags->output,
           "Write the lines there instead of standard output; {shard} in the name becomes the shard, 1-of-8")
      .type_name("FILE");
  command.add_flag("--resume", flags->resume,
                   "Continue the file of --output: leave out the images that it has, of --jsonl");
  command
      .add("--shard", flags->shard,
           "Classify one of N equal parts, I from 1; auto: as the variables of MPI or Slurm say")
      .check(shard_text())
      .type_name("I/N");
  const std::string written = "Images to write";
  command
      .add("--annotate", flags->annotate,
           "Also write each image with its answers drawn below it: a .png file, or a folder for several images")
      .type_name("FILE|DIR")
      .group(written);
  command
      .add("--contact-sheet", flags->contact_sheet,
           "Also write one PNG with small copies of the images and their best class, at most " +
               std::to_string(kMostTiles))
      .type_name("FILE.png")
      .group(written);
  if (!bundled) {
    command
        .add("--against", flags->against,
             "Another network, such as the one that the model was made of: the contact sheet shows both answers")
        .type_name("NETWORK")
        .group(written);
    command
        .add("--order", flags->order,
             "Of the contact sheet: confidence (the least sure first), disagreement (those with another answer than "
             "--against first; the default with it)")
        .check(one_of(sheet_order_names()))
        .type_name("NAME")
        .group(written);
  }
  add_threads_option(command, flags->threads);
  command.add_flag("--json", *flags->json, "Answer with one JSON document on standard output")
      .excludes(json_lines)
      .excludes(csv);
  add_labels_option(command, flags->model.labels);
  if (bundled) {
    add_model_run_options(command, flags->model);
  } else {
    add_run_options(command, flags->model, false);
  }
  return {command, flags->json, [flags](Console& console) { return finish(console, classify(*flags, console)); }};
}

}  // namespace

Command add_classify(CommandLine& line) {
  return classify_command(line.add("classify", "Name what images show", kClassifyExamples), false,
                          "narrow classify --help");
}

Command add_bundled_classify(CommandLine& line, const std::string& program) {
  return classify_command(line.without_subcommands(program), true, program + " --help");
}

}  // namespace narrow::cli
