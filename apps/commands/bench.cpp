// narrow bench: measures how long a network takes, in total and layer by layer.
#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/options/model_options.h"
#include "apps/options/options.h"
#include "apps/report/bench_report.h"
#include "apps/report/progress.h"
#include "apps/run/bench_inputs.h"
#include "apps/run/model_file.h"
#include "apps/text/nearest.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

struct BenchFlags {
  ModelFlags model;
  std::string scenario = "SingleStream";
  std::vector<std::string> images;
  BenchLoad load;
  int threads = 0;
  int warm_up = -1;
  int spin_us = 0;
  double latency_bound_ms = 0;
  bool layers = false;
  std::string frame;
  // Options that not every scenario takes. They are set when they are declared.
  std::optional<Option> batch;
  std::optional<Option> rate;
  std::optional<Option> bound;
  std::optional<Option> seed;
};

// The error for a rate at which memory for all arrivals, or the time until the first one, has no sensible bound.
std::optional<Error> unmeasurable_rate(const BenchFlags& flags) {
  constexpr double kMostImages = 1e7;
  constexpr double kLongestWait = 60;  // seconds
  const auto error = [&](const std::string& message) {
    return Error{ErrorCode::kInvalidArgument, message, flags.rate->name()};
  };
  const double wait = 1 / flags.load.rate;
  const double images = flags.load.rate * flags.load.seconds;
  if (wait > 3600) return error("is less than an image in an hour");
  if (flags.load.runs > 0) return std::nullopt;
  if (images > kMostImages) {
    return error(format("makes %.3g images in --duration; at most %.0f can be measured: give less of either, or --runs",
                        images, kMostImages));
  }
  if (wait > std::max(flags.load.seconds, kLongestWait)) {
    return error(
        format("lets the first image arrive after %.0f seconds, when --duration is over: give more of either, "
               "or --runs",
               wait));
  }
  return std::nullopt;
}

// The error for an option that the scenario requires and that is missing, or for one that it does not use.
std::optional<Error> misfit(const BenchFlags& flags) {
  const auto error = [&](const Option& option, const std::string& message) {
    return Error{ErrorCode::kInvalidArgument, message + " --scenario " + scenario_name(flags.load.scenario),
                 option.name()};
  };
  const bool server = flags.load.scenario == Scenario::kServer;
  if (server && !flags.rate->given()) return error(*flags.rate, "is required, in images per second, with");
  if (flags.load.scenario == Scenario::kSingleStream && flags.batch->given()) {
    return error(*flags.batch, "does not apply to");
  }
  for (const Option& option : {*flags.rate, *flags.bound, *flags.seed}) {
    if (!server && option.given()) return error(option, "does not apply to");
  }
  return server ? unmeasurable_rate(flags) : std::nullopt;
}

// The number of different images to run, in whole batches. With one image alone the input would stay in the cache.
std::size_t pool_size(int batch) {
  constexpr std::size_t kImages = 8;
  const auto size = static_cast<std::size_t>(batch);
  return (kImages + size - 1) / size * size;
}

Result<BenchInputs> inputs_for(const BenchFlags& flags, const LoadedModel& loaded, const TensorShape& shape,
                               std::string& text) {
  const std::size_t pool = pool_size(flags.load.batch);
  if (flags.images.empty()) {
    text = "random bytes";
    return random_inputs(shape, loaded.preprocessing, pool, 1);
  }
  if (shape.channels != loaded.preprocessing.channels) {
    return Error{ErrorCode::kUnsupported,
                 format("the network takes %lld channels, but its preprocessing makes images of %d",
                        static_cast<long long>(shape.channels), loaded.preprocessing.channels),
                 "--pictures"};
  }
  std::size_t used = 0;
  NARROW_ASSIGN(BenchInputs inputs, image_inputs(flags.images, shape, loaded.preprocessing, pool, used));
  text = plural(used, "image") + " of " + join(flags.images, " ");
  return inputs;
}

Result<int> bench(const BenchFlags& flags, Console& console) {
  if (const std::optional<Error> wrong = misfit(flags)) return console.fail(*wrong, kUsage);
  NARROW_ASSIGN(const FileFormat file_format, format_of(flags.model));
  if (const std::optional<Error> useless = useless_option(flags.model, file_format)) {
    return console.fail(*useless, kUsage);
  }
  BenchReport report;
  report.load = flags.load;
  report.spin_us = flags.spin_us;
  report.latency_bound = 1e-3 * flags.latency_bound_ms;
  report.threads = threads_to_use(flags.threads, 256);
  NARROW_ASSIGN(const LoadedModel loaded, load_model_file(flags.model, file_format));
  report.notes = loaded.notes;
  NARROW_ASSIGN(const std::unique_ptr<Network> network,
                open_network(loaded, flags.model.isa, report.threads, flags.load.batch, flags.spin_us));
  report.network = describe(*network, flags.model.path);
  Session* const session = network->session();
  const std::optional<FrameSize> frame = parse_frame(flags.frame);
  if (session == nullptr && (flags.layers || flags.spin_us > 0 || frame)) {
    return Error{
        ErrorCode::kInvalidArgument,
        "is for networks that Narrow itself runs (.nrw, pre-quantized ONNX); " + flags.model.path + " runs on oneDNN",
        flags.layers ? "--layers" : (frame ? "--frame" : "--spin")};
  }
  NARROW_ASSIGN(const BenchInputs inputs, inputs_for(flags, loaded, network->input_shape(), report.inputs));

  constexpr std::size_t kPercent = 100;
  Progress progress("measuring, percent");
  const auto show = [&](double done) {
    progress.update(static_cast<std::size_t>(done * static_cast<double>(kPercent)), kPercent);
  };
  NARROW_ASSIGN(report.warm_up_runs, warm_up_network(*network, inputs, flags.load.batch, flags.warm_up));
  NARROW_ASSIGN(report.times, run_scenario(*network, inputs, flags.load, show));
  constexpr std::size_t kMostRuns = 200;
  if (frame) {
    NARROW_ASSIGN(report.frames, time_frames(*session, *frame, std::min(kMostRuns, report.times.run_seconds.size()),
                                             flags.load.seconds));
  }
  if (flags.layers) {
    const std::size_t runs = std::min(kMostRuns, report.times.run_seconds.size());
    Progress layers_progress("timing layers, percent");
    const auto show_layers = [&](double done) {
      layers_progress.update(static_cast<std::size_t>(done * static_cast<double>(kPercent)), kPercent);
    };
    NARROW_ASSIGN(report.layers, time_layers(*session, inputs, flags.load.batch, report.threads, runs, show_layers));
  }
  progress.erase();
  console.print(bench_text(report));
  console.result(bench_json(report));
  return kSuccess;
}

constexpr const char* kBenchExamples =
    "Examples:\n"
    "  narrow bench resnet50.nrw --threads 1                         latency of one image after the other\n"
    "  narrow bench resnet50.nrw --threads 1 --layers                and where the time goes\n"
    "  narrow bench resnet50.nrw --threads 1 --frame 640x480,nv12    and what a camera frame costs before it\n"
    "  narrow bench resnet50.nrw --scenario Offline --batch 16       images per second\n"
    "  narrow bench resnet50.nrw --scenario Server --rate 40 --latency-bound 50\n"
    "  narrow bench resnet50.onnx --threads 1                        the float network on oneDNN, as a baseline\n"
    "\n"
    "The scenarios have the names that MLPerf gave them. Percentiles are the smallest latency that at least that many\n"
    "percent of all do not exceed. Machines are noisy: compare ratios of medians from alternating runs.";

Check scenario() {
  return [](const std::string& text) -> std::string {
    if (find_scenario(text)) return {};
    const std::vector<std::string> names = {"SingleStream", "Offline", "Server"};
    return "unknown value '" + text + "'" + did_you_mean(text, names) + "; valid: " + join(names, ", ");
  };
}

void add_load_options(const Subcommand& command, BenchFlags& flags) {
  command
      .add("--scenario", flags.scenario,
           "SingleStream (default): one image after the other; Offline: all images are there at the start and run in "
           "batches; Server: "
           "images arrive at random times")
      .check(scenario())
      .type_name("NAME");
  flags.batch = command
                    .add("--batch", flags.load.batch,
                         "Images in one run. Offline: 16 unless given; Server: the most that run together, 1 unless "
                         "given")
                    .check(whole_number(1, 1024))
                    .type_name("N");
  flags.rate = command.add("--rate", flags.load.rate, "Server: images per second, on average")
                   .check(positive_number())
                   .type_name("X");
  flags.bound = command
                    .add("--latency-bound", flags.latency_bound_ms,
                         "Server: milliseconds that 99 % of the images must not exceed")
                    .check(positive_number())
                    .type_name("MS");
  flags.seed = command.add("--seed", flags.load.seed, "Server: seed of the times of arrival, 1 unless given")
                   .check(whole_number(0, 1000000000))
                   .type_name("N");
  const Option seconds = command.add("--duration", flags.load.seconds, "Seconds to measure, 5 unless given")
                             .check(positive_number())
                             .type_name("S");
  command.add("--runs", flags.load.runs, "Runs (Server: images) to measure, instead of a duration")
      .check(whole_number(1, 1000000000))
      .type_name("N")
      .excludes(seconds);
  command.add("--warm-up", flags.warm_up, "Runs before anything is measured; default: about a third of a second")
      .check(whole_number(0, 1000000))
      .type_name("N");
}

}  // namespace

Command add_bench(CommandLine& line) {
  auto flags = std::make_shared<BenchFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("bench", "Measure how long a network takes, and where", kBenchExamples);
  command.add("MODEL", flags->model.path, model_argument_text()).required();
  add_load_options(command, *flags);
  command.add_flag("--layers", flags->layers,
                   "Also time each layer: share of the time, operations per second and what part of this CPU's peak "
                   "they are");
  command
      .add("--frame", flags->frame,
           "Also time how a camera frame becomes the network's input: 640x480 or 640x480,LAYOUT with rgb, bgr "
           "(default), "
           "rgba, bgra, gray, nv12 or i420")
      .check([](const std::string& text) {
        return parse_frame(text)
                   ? std::string()
                   : "'" + text +
                         "' is no frame; valid: 640x480 or 640x480,LAYOUT with rgb, bgr, "
                         "rgba, bgra, gray, nv12 or i420 (these two of even sizes), at most 8192 pixels a side";
      })
      .type_name("WxH");
  command
      .add("--pictures", flags->images,
           "Images to run (see narrow --help); default: random bytes over the whole range of the input")
      .type_name("PICTURES");
  add_threads_option(command, flags->threads);
  command
      .add("--spin", flags->spin_us,
           "Microseconds that helper threads poll for the next image before they sleep, 0 unless given")
      .check(whole_number(0, 10000))
      .type_name("US");
  add_json_option(command, *json);
  add_run_options(command, flags->model);
  return {command, json, [flags](Console& console) {
            flags->load.scenario = find_scenario(flags->scenario).value_or(Scenario::kSingleStream);
            constexpr int kOfflineBatch = 16;
            if (flags->load.scenario == Scenario::kOffline && !flags->batch->given()) flags->load.batch = kOfflineBatch;
            return finish(console, bench(*flags, console));
          }};
}

}  // namespace narrow::cli
