// narrow quantize: float weights and calibration images in, an integer network out.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/commands/open_images.h"
#include "apps/files/interruption.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/files/training_folder.h"
#include "apps/options/options.h"
#include "apps/options/preprocess_options.h"
#include "apps/report/progress.h"
#include "apps/report/quantize_report.h"
#include "apps/run/answers.h"
#include "apps/run/comparison.h"
#include "apps/run/model_file.h"
#include "apps/run/scoring.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/image.h"
#include "narrow/quantize.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct QuantizeFlags {
  std::string weights;
  std::vector<std::string> images;
  std::string output;
  ImportFlags import;
  PreprocessFlags preprocess;
  std::string labels;
  int weight_bits = 8;
  int activation_bits = 8;
  std::string keep_edges = "8";
  double max_drop = -1;  // percent of the calibration images; -1: not given
  std::size_t size = 0;  // bytes of weights; 0: not given
  double time = 0;       // milliseconds; 0: not given
  std::string observer = observer_names().front().name;
  double percentile = QuantizeOptions{}.percentile;
  double norm = QuantizeOptions{}.norm;
  std::string rounding = "auto";
  std::string equalize = "auto";
  std::string mix_channels = "auto";
  std::string residual_copies = "auto";
  std::string residual_sums = "auto";
  std::string free_bits = "on";
  std::string effort = "default";
  std::string checkpoint;  // folder
  bool keep_batch_norm = false;
  std::string gradient_bits;
  LimitFlags limits;
  std::size_t memory_megabytes = QuantizeOptions{}.memory_bytes >> 20;
  bool per_tensor = false;
  bool no_bias_correction = false;
  std::vector<std::string> layer_weights;
  std::vector<std::string> layer_activations;
  std::size_t calibration_limit = 512;
  int threads = 0;
  bool verbose = false;
  std::vector<std::string> evaluate;  // images
  std::size_t evaluate_limit = 0;
  std::vector<Option> dependent;  // options that need others: those of contradiction()
};

ObserverKind observer_of(const std::string& name) {
  const std::vector<ObserverName> observers = observer_names();
  return std::find_if(observers.begin(), observers.end(),
                      [&name](const ObserverName& observer) { return observer.name == name; })
      ->kind;
}

RoundingKind rounding_of(const std::string& name) {
  if (name == "nearest") return RoundingKind::kNearest;
  return name == "output" ? RoundingKind::kOutputError : RoundingKind::kAuto;
}

Preparation preparation_of(const std::string& name) {
  if (name == "on") return Preparation::kOn;
  return name == "off" ? Preparation::kOff : Preparation::kAuto;
}

ResidualSums residual_sums_of(const std::string& name) {
  if (name == "once") return ResidualSums::kOnce;
  return name == "twice" ? ResidualSums::kTwice : ResidualSums::kAuto;
}

QuantizeOptions quantize_options(const QuantizeFlags& flags) {
  QuantizeOptions options;
  options.weight_bits = flags.weight_bits;
  options.activation_bits = flags.activation_bits;
  set_boundary_layers(options, flags.keep_edges);
  if (flags.size > 0) options.goal = BitGoal{.max_weight_bytes = flags.size};
  if (flags.time > 0) options.goal = BitGoal{.max_milliseconds = flags.time};
  if (flags.max_drop >= 0) options.goal = BitGoal{.max_changed = flags.max_drop / 100};
  options.per_tensor_weights = flags.per_tensor;
  options.correct_bias = !flags.no_bias_correction;
  options.observer = observer_of(flags.observer);
  options.percentile = flags.percentile;
  options.norm = flags.norm;
  options.rounding = rounding_of(flags.rounding);
  options.equalization = preparation_of(flags.equalize);
  options.channel_mixing = preparation_of(flags.mix_channels);
  options.residual_copies = preparation_of(flags.residual_copies);
  options.residual_sums = residual_sums_of(flags.residual_sums);
  options.free_bits = parse_free_bits(flags.free_bits);
  options.effort = parse_effort(flags.effort);
  options.memory_bytes = flags.memory_megabytes << 20;
  options.limits = float_limits(flags.limits);
  for (const std::string& text : flags.layer_weights) options.layer_weight_bits.push_back(parse_layer_bits(text));
  for (const std::string& text : flags.layer_activations) {
    options.layer_activation_bits.push_back(parse_layer_bits(text));
  }
  return options;
}

// How close the integer network is to the float network.
Result<Comparison> evaluate_result(const QuantizeFlags& flags, const FloatFile& float_file, const Model& model,
                                   const PictureSet& images) {
  const auto loaded = [&](std::variant<Model, FloatModel> network) {
    return LoadedModel{std::move(network),
                       float_file.model.preprocessing(),
                       float_file.preprocessing_is_assumed,
                       float_file.model.labels(),
                       {},
                       flags.weights};
  };
  constexpr int kEvaluationBatch = 16;
  Progress progress("evaluating, image");
  NARROW_ASSIGN(Comparison comparison,
                compare_on_images({loaded(float_file.model), loaded(model)}, {flags.weights, flags.output}, images,
                                  {flags.evaluate_limit, "auto", threads_to_use(flags.threads, 256), kEvaluationBatch},
                                  [&](std::size_t done, std::size_t total) { progress.update(done, total); }));
  comparison.images = flags.evaluate;
  return comparison;
}

constexpr std::size_t kManyImages = 256;  // more than there are threads

Status check_refused_options(const QuantizeFlags& flags) {
  if (!flags.keep_batch_norm) return {};
  const std::string message =
      "--keep-batch-norm: BatchNorm is folded before training: each channel has a scale and a bias of its own, and "
      "--effort max trains both, as gamma and beta of a BatchNorm with fixed statistics would be; leave the option out";
  return Error{ErrorCode::kInvalidArgument, message, {}};
}

// The error for an option that was given and has no effect without another one, which it names.
std::optional<Error> contradiction(const QuantizeFlags& flags, bool has_no_images) {
  for (const Option& option : flags.dependent) {
    if (!option.given()) continue;
    const std::string name = option.name();
    std::string needed;
    if (name == "--percentile" && flags.observer != "percentile") needed = "needs --observer percentile";
    if (name == "--norm" && flags.observer != "norm" && flags.observer != "auto") {
      needed = "needs --observer norm (the default) or auto, and --observer " + flags.observer + " is given";
    }
    if (name == "--calibration-limit" && has_no_images) needed = "needs images, and --calibrate none is given";
    if (name == "--checkpoint" && flags.effort != "max") needed = "needs --effort max, whose training it keeps";
    if (name == "--evaluate-limit" && flags.evaluate.empty()) needed = "needs --evaluate, the images that it limits";
    if (!needed.empty()) return Error{ErrorCode::kInvalidArgument, needed, name};
  }
  return std::nullopt;
}

// The error with the option where the library names the field that the option sets.
Error at_option(Error error, const QuantizeFlags& flags) {
  const char* const goal = flags.size > 0 ? "--size" : (flags.time > 0 ? "--time" : "--max-drop");
  const std::array<std::pair<std::string_view, std::string_view>, 10> options = {
      {{"goal", goal},
       {"layer weight bits", "--layer-weights"},
       {"layer activation bits", "--layer-activations"},
       {"weight bits", "--weights"},
       {"activation bits", "--activations"},
       {"equalize", "--equalize"},
       {"mix channels", "--mix-channels"},
       {"residual copies", "--residual-copies"},
       {"rounding", "--rounding"},
       {"effort", "--effort"}}};
  for (const auto& [field, option] : options) {
    if (error.where != field && !error.where.starts_with(std::string(field) + " of '")) continue;
    error.where.replace(0, field.size(), option);
    break;
  }
  return error;
}

Result<int> quantize_command(const QuantizeFlags& flags, Console& console) {
  NARROW_TRY(check_refused_options(flags));
  // Only what runs the integer network reads the environment: after the work, were it not read here.
  if (!flags.evaluate.empty() || flags.time > 0) NARROW_TRY(check_environment());
  NARROW_ASSIGN(const bool has_no_images, are_no_images(flags.images));
  if (const std::optional<Error> problem = contradiction(flags, has_no_images)) return console.fail(*problem, kUsage);
  std::vector<std::string> inputs_read = flags.images;
  inputs_read.insert(inputs_read.end(), flags.evaluate.begin(), flags.evaluate.end());
  inputs_read.insert(inputs_read.end(), {flags.weights, flags.labels, flags.preprocess.preset});
  NARROW_TRY(check_not_an_input(flags.output, inputs_read));
  NARROW_TRY(check_replaceable(flags.output, FileFormat::kNarrow));
  NARROW_TRY(check_output_name(flags.output, OutputKind::kModel));
  NARROW_ASSIGN(const std::vector<std::string> labels, read_labels(flags.labels));
  NARROW_ASSIGN(const FloatFile float_file, load_float_file(flags.weights, flags.import, flags.preprocess, labels));
  const FloatModel& weights = float_file.model;
  std::optional<PictureSet> images;
  if (!has_no_images) {
    NARROW_ASSIGN(images, open_images(flags.images, weights.labels(), Unreadable::kLeftOut, console));
  }
  std::optional<PictureSet> evaluated;
  if (!flags.evaluate.empty()) {
    NARROW_ASSIGN(evaluated, open_images(flags.evaluate, weights.labels(), Unreadable::kRefused, console));
  }
  // Opened now: minutes of calibration must not end in "no such folder".
  NARROW_ASSIGN(OutputFile file, OutputFile::create(flags.output));
  std::optional<TrainingFolder> checkpoint;
  if (!flags.checkpoint.empty()) {
    NARROW_ASSIGN(checkpoint, TrainingFolder::create(flags.checkpoint));
  }
  say_when_interrupted(checkpoint
                           ? "no model is written; the same command goes on with the training that --checkpoint keeps"
                           : "no model is written; the same command starts anew, and --effort fast takes less time");

  Progress progress("reading image to evaluate");
  if (evaluated) {
    // Read now: minutes of calibration must not end in an image that can't be read.
    const std::int64_t classes = named_classes(weights.classes());
    NARROW_TRY(check_readable(
        *evaluated, flags.evaluate_limit, threads_to_use(flags.threads, kManyImages),
        [&](const LabelledPicture& image) {
          return evaluated->labelled() ? check_label(image.label, image.name, classes) : Status();
        },
        [&](std::size_t done, std::size_t total) { progress.update(done, total); }));
    progress.erase();
  }
  CalibrationInputs inputs;
  if (images) inputs = calibration_inputs(*images, weights.preprocessing(), flags.calibration_limit);
  QuantizeOptions options = quantize_options(flags);
  if (checkpoint) options.training_store = checkpoint->store();
  options.threads = threads_to_use(flags.threads, images ? inputs.count : kManyImages);
  progress.start("calibrating, image");
  options.progress = [&](std::string_view stage, std::size_t done, std::size_t total) {
    progress.start(std::string(stage));
    progress.update(done, total);
  };
  Result<Quantized> result = images ? quantize(weights, inputs, options) : quantize_without_images(weights, options);
  progress.erase();
  if (!result.ok()) return of_file(at_option(std::move(result).error(), flags), flags.weights);

  const std::vector<std::byte> bytes = result->model.serialize();
  // A name that a model file can't hold (of the weights' file, say) is found here and not by whoever reads it.
  NARROW_TRY(Model::parse(bytes, flags.output));
  NARROW_TRY(file.write(bytes));
  NARROW_TRY(file.commit());
  if (checkpoint) checkpoint->remove();

  QuantizeSummary summary{.weights = flags.weights,
                          .network = weights,
                          .preprocessing_is_assumed = float_file.preprocessing_is_assumed,
                          .quantized = *std::move(result),
                          .available_images = images ? images->size() : 0,
                          .output = flags.output,
                          .output_bytes = bytes.size()};
  if (evaluated) {
    NARROW_ASSIGN(summary.evaluation, evaluate_result(flags, float_file, summary.quantized.model, *evaluated));
  }
  console.print(quantize_text(summary, flags.verbose));
  console.result(quantize_json(summary));
  return kSuccess;
}

void add_options(const Subcommand& command, QuantizeFlags& flags) {
  command.add("WEIGHTS", flags.weights, "A float network: a PyTorch checkpoint, safetensors, ONNX, or a float .nrw")
      .required();
  command
      .add("--calibrate", flags.images,
           "Images to observe ranges on; labels are not needed. May be repeated. none: follow the statistics of "
           "BatchNorm, which is weaker")
      .required()
      .one_value()
      .type_name("PICTURES");
  command.add("-o,--output", flags.output, "The .nrw file to write; replaced if it is there")
      .required()
      .type_name("FILE");
  flags.dependent.push_back(command
                                .add("--calibration-limit", flags.calibration_limit,
                                     "Use at most N images, evenly spread; 0 for all, 512 unless given")
                                .check(whole_number(0, 1000000000))
                                .type_name("N"));
  command
      .add("--evaluate", flags.evaluate,
           "Run the float and the integer network on these images at the end and print how close they are; with labels "
           "also how often each is right. May be repeated")
      .one_value()
      .type_name("PICTURES");
  flags.dependent.push_back(command
                                .add("--evaluate-limit", flags.evaluate_limit,
                                     "Evaluate at most N images, evenly spread; 0 for all (default)")
                                .check(whole_number(0, 1000000000))
                                .type_name("N"));
  add_labels_option(command, flags.labels);
  add_threads_option(command, flags.threads);
  command.add_flag("--verbose", flags.verbose, "List every fold and fusion");
}

// What other quantizers have, and this one leaves out for a reason, which is told.
void add_refused_options(const Subcommand& command, QuantizeFlags& flags) {
  command.add("--gradient-bits", flags.gradient_bits, "Refused")
      .check([](const std::string&) {
        return std::string(
            "--gradient-bits: gradients stay float32: rounding them (DoReFa-Net) is for training on hardware of few "
            "bits, and here training takes minutes, on float units, and keeps no gradient in the model; rounded ones "
            "would only make it less exact. --weights and --activations give the bits of the model");
      })
      .group("");
  command.add_flag("--keep-batch-norm", flags.keep_batch_norm, "Refused").group("");
}

void add_bit_options(const Subcommand& command, QuantizeFlags& flags) {
  const std::string group = "Ranges, rounding and training";
  const Check bits = whole_number(kMinBits, kMaxBits);
  std::vector<Option> fixed_bits;
  fixed_bits.push_back(command.add("--weights", flags.weight_bits, "Bits of weights at least, 2 to 8; 8 unless given")
                           .check(bits)
                           .type_name("BITS"));
  fixed_bits.push_back(
      command.add("--activations", flags.activation_bits, "Bits of activations at least, 2 to 8; 8 unless given")
          .check(bits)
          .type_name("BITS"));
  const Option max_drop =
      command
          .add("--max-drop", flags.max_drop,
               "Choose the bits of each layer, as few as possible, so that at most X percent of the calibration images "
               "get another best class; so top-1 drops by no more on images like these")
          .check(number_within(0, 100))
          .type_name("X");
  const Option size =
      command.add("--size", flags.size, "Choose the bits of weights, by layer, so that all together take at most BYTES")
          .check(whole_number(1, 4'000'000'000))
          .type_name("BYTES")
          .excludes(max_drop);
  const Option time = command
                          .add("--time", flags.time,
                               "Choose the bits of each layer so that one image takes at most MS milliseconds on one "
                               "thread of this machine")
                          .check(positive_number())
                          .type_name("MS")
                          .excludes(max_drop)
                          .excludes(size);
  command
      .add("--first-last,--keep-edges", flags.keep_edges,
           "Bits of the first and last layer, 8 unless given; float leaves them in float, off treats them like all "
           "others")
      .check(boundary_layers_text())
      .type_name("BITS|float|off");
  std::vector<std::string> observers;
  std::vector<std::string> described;
  for (const ObserverName& observer : observer_names()) {
    described.push_back(observer.name + (observers.empty() ? " (default; " : " (") + observer.description + ")");
    observers.push_back(observer.name);
  }
  command.add("--observer", flags.observer, "What makes a range of what was observed: " + join(described, ", "))
      .check(one_of(observers))
      .type_name("NAME")
      .group(group);
  flags.dependent.push_back(
      command
          .add("--percentile", flags.percentile, "Of all values, that --observer percentile keeps; 99.99 unless given")
          .check(number_within(50, 100))
          .type_name("P")
          .group(group));
  flags.dependent.push_back(
      command
          .add("--norm", flags.norm,
               "Of the rounding error, that --observer norm makes small; 2 unless given, which is the mean squared "
               "error. More keeps more of rare large values")
          .check(number_within(1, 10))
          .type_name("P")
          .group(group));
  const auto add_choice = [&](const char* name, std::string& value, const char* help, std::vector<std::string> words) {
    command.add(name, value, help).check(one_of(std::move(words))).type_name("NAME").group(group);
  };
  add_choice("--rounding", flags.rounding,
             "How weights become integers: nearest, output (all together, closest to the float network's outputs), or "
             "auto (default): output where weights or activations have less than 8 bits",
             {"auto", "nearest", "output"});
  add_choice("--equalize", flags.equalize,
             "Scale the channels of tensors to about the same size before quantization, which the readers undo: on, "
             "off, or auto (default): below 8 bits, if the answers are closer to the float network's with it",
             {"auto", "on", "off"});
  add_choice("--mix-channels", flags.mix_channels,
             "Mix the channels of tensors without an activation function before quantization, so that none has large "
             "values alone; the readers undo it: on, off, or auto (default): as with --equalize",
             {"auto", "on", "off"});
  add_choice("--residual-copies", flags.residual_copies,
             "Keep 8 bits of tensors that residual sums read, and give layers copies of fewer: on, off, or auto "
             "(default): as with --equalize. It takes some time",
             {"auto", "on", "off"});
  add_choice("--residual-sums", flags.residual_sums,
             "How often a residual sum is rounded: once (the convolution before it is not), twice (each on its own), "
             "or auto (default): once where the sum has 6 bits or more",
             {"auto", "once", "twice"});
  add_choice("--free-bits", flags.free_bits,
             "Give layers whose sums stay in 16 bits more bits than asked for where fewer would save little time: on "
             "(default; weights grow by up to 10 % in the file), activations, or off",
             free_bits_names());
  command.add("--effort", flags.effort, "How long it may take: fast, default or max")
      .check(one_of(effort_names()))
      .type_name("NAME");
  flags.dependent.push_back(command
                                .add("--checkpoint", flags.checkpoint,
                                     "A folder in which training (--effort max) keeps what it has reached, every 20 "
                                     "seconds; made if it is not there. The same command goes on from there and comes "
                                     "to the same model. Removed once the model is written")
                                .type_name("FOLDER")
                                .group(group));
  add_refused_options(command, flags);
  command
      .add("--memory", flags.memory_megabytes,
           "Megabytes for tensors that are kept between layers; 1024 unless given. With less, more is computed again")
      .check(whole_number(0, 1 << 20))
      .type_name("MB")
      .group(group);
  add_limit_options(command, flags.limits, group);
  command.add_flag("--per-tensor", flags.per_tensor, "One scale for all weights of a layer instead of one per channel")
      .group(group);
  command
      .add_flag("--no-bias-correction", flags.no_bias_correction,
                "Keep the mean error of rounded weights in the biases (docs/calibration.md)")
      .group(group);
  fixed_bits.push_back(
      command.add("--layer-weights", flags.layer_weights, "Bits of one layer's weights. May be repeated")
          .check(layer_bits_text())
          .one_value()
          .type_name("LAYER=BITS")
          .group(group));
  fixed_bits.push_back(
      command.add("--layer-activations", flags.layer_activations, "Bits of one layer's output. May be repeated")
          .check(layer_bits_text())
          .one_value()
          .type_name("LAYER=BITS")
          .group(group));
  for (const Option& option : fixed_bits) option.excludes(max_drop).excludes(size).excludes(time);
}

constexpr const char* kQuantizeExamples =
    "Examples:\n"
    "  narrow quantize resnet20.pth --calibrate train/ --evaluate test/ -o resnet20.nrw\n"
    "  narrow quantize resnet20.pth --calibrate train.bin --weights 4 --activations 4 -o small.nrw\n"
    "  narrow quantize mnv2.pth --arch mobilenet_v2 --calibrate train/ --tf-padding --bn-eps 1e-3 \\\n"
    "      --preprocess mobilenet-tf --input-size 128 --resize 128 -o mnv2.nrw\n"
    "  narrow quantize resnet20.pth --calibrate train/ --weights 4 --layer-weights layer1.0.conv1=6 -o mixed.nrw\n"
    "  narrow quantize resnet20.pth --calibrate train/ --max-drop 2 -o mixed.nrw     bits for each layer\n"
    "  narrow quantize net.onnx --calibrate train/ --preprocess mine.json -o net.nrw\n"
    "  narrow quantize net.qdq.onnx --calibrate train/ -o net.nrw     what is pre-quantized stays as it is\n"
    "\n"
    "Layer names are those of `narrow inspect`. The same input gives the same file, byte for byte.";

}  // namespace

Command add_quantize(CommandLine& line) {
  auto flags = std::make_shared<QuantizeFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("quantize", "Make an integer network from float weights", kQuantizeExamples);
  add_options(command, *flags);
  add_json_option(command, *json);
  add_bit_options(command, *flags);
  add_import_options(command, flags->import, false);
  add_preprocess_options(command, flags->preprocess);
  return {command, json, [flags](Console& console) { return finish(console, quantize_command(*flags, console)); }};
}

}  // namespace narrow::cli
