#include "apps/run/sweep.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <set>
#include <system_error>
#include <utility>

#include "apps/run/bench_inputs.h"
#include "apps/run/comparison.h"
#include "apps/run/folder_classes.h"
#include "apps/run/left_out.h"
#include "apps/run/model_file.h"
#include "apps/run/statistics.h"
#include "apps/text/describe.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/image.h"
#include "narrow/quantize.h"
#include "narrow/session.h"
#include "narrow/version.h"

namespace narrow::cli {

namespace {

constexpr int kBatch = 16;
constexpr double kTimingSeconds = 0.5;
constexpr std::size_t kTimingImages = 8;

using SweepProgress = std::function<void(const std::string& stage, std::size_t done, std::size_t total)>;
using Settings = std::map<std::string, std::string>;

// One network of the sweep, with what all its cells share.
class NetworkSweep {
 public:
  NetworkSweep(const SweepOptions& options, std::string path, FloatFile file, Settings shared,
               const SweepProgress& progress)
      : options_(options),
        path_(std::move(path)),
        stem_(std::filesystem::path(path_).stem().string()),
        file_(std::move(file)),
        shared_(std::move(shared)),
        progress_(progress) {}

  Status run(std::vector<SweepCell>& cells) {
    NARROW_ASSIGN(SweepCell reference, cell("float", "", [this](SweepCell& made) { return make_float(made); }));
    cells.push_back(std::move(reference));
    std::set<std::string> done;  // an option may say the same twice
    for (const std::string& text : options_.bits) {
      const BitPair bits = parse_bit_pair(text);
      const std::string name = std::to_string(bits.weights) + "/" + std::to_string(bits.activations);
      for (const std::string& effort : options_.efforts) {
        std::string pair = name;
        pair.append(" ").append(effort);
        if (!done.insert(pair).second) continue;
        NARROW_ASSIGN(SweepCell quantized, cell(name, effort, [&](SweepCell& made) { return make(made, bits); }));
        cells.push_back(std::move(quantized));
      }
    }
    return {};
  }

 private:
  [[nodiscard]] std::filesystem::path output(const SweepCell& cell, const char* extension) const {
    std::string name = cell.bits + (cell.effort.empty() ? "" : "." + cell.effort);
    std::replace(name.begin(), name.end(), '/', '-');
    return options_.folder / (stem_ + "." + name + extension);
  }

  // The cell of the folder if it has the same settings. Otherwise a new one, which is written.
  template <class Make>
  Result<SweepCell> cell(const std::string& bits, const std::string& effort, const Make& make) {
    SweepCell wanted;
    wanted.network = path_;
    wanted.bits = bits;
    wanted.effort = effort;
    wanted.settings = shared_;
    wanted.settings["bits"] = bits;
    wanted.settings["effort"] = effort;
    const std::filesystem::path file = output(wanted, ".json");
    const auto with_command = [this, &bits](SweepCell of) {
      if (bits == "float") return of;
      of.file = output(of, ".nrw");
      of.command = quantize_command(of);
      return of;
    };
    if (std::optional<SweepCell> finished = read_cell(file); finished && finished->settings == wanted.settings) {
      finished->network = path_;
      finished->was_there = true;
      return with_command(*std::move(finished));
    }
    stage_ = stem_ + " " + bits + (effort.empty() ? "" : " " + effort);
    NARROW_TRY(make(wanted));
    const std::string text = cell_text(wanted);
    NARROW_TRY(options_.write(file, std::as_bytes(std::span(text))));
    return with_command(std::move(wanted));
  }

  // The command that makes the cell's .nrw without a sweep.
  [[nodiscard]] std::vector<std::string> quantize_command(const SweepCell& cell) const {
    const BitPair bits = parse_bit_pair(cell.bits);
    std::vector<std::string> command{"narrow",
                                     "quantize",
                                     path_,
                                     "--weights",
                                     std::to_string(bits.weights),
                                     "--activations",
                                     std::to_string(bits.activations)};
    command.insert(command.end(), {"--effort", cell.effort});
    command.insert(command.end(), options_.quantize_options.begin(), options_.quantize_options.end());
    command.insert(command.end(), {"--output", cell.file.string()});
    return command;
  }

  void report(std::string_view stage, std::size_t done, std::size_t total) const {
    if (progress_) progress_(stage_ + ": " + std::string(stage), done, total);
  }

  Status make_float(SweepCell& made) {
    NARROW_TRY(score_reference());
    made.bytes = size_of_files(path_, file_.model.external_files());
    made.images = images_;
    made.tally = reference_->tally;
    NARROW_ASSIGN(const std::unique_ptr<Network> network, open_float());
    NARROW_ASSIGN(made.median_seconds, time(*network));
    return {};
  }

  Status make(SweepCell& made, const BitPair& bits) {
    NARROW_TRY(score_reference());
    NARROW_ASSIGN(const PictureSet calibration,
                  PictureSet::open({options_.calibrate.begin(), options_.calibrate.end()},
                                   folder_classes(options_.calibrate, file_.model.labels())));
    QuantizeOptions quantize_options;
    quantize_options.weight_bits = bits.weights;
    quantize_options.activation_bits = bits.activations;
    set_boundary_layers(quantize_options, options_.boundary_layers);
    quantize_options.free_bits = parse_free_bits(options_.free_bits);
    quantize_options.effort = parse_effort(made.effort);
    quantize_options.threads = options_.threads;
    quantize_options.limits = float_limits(options_.limits);
    quantize_options.progress = [this](std::string_view stage, std::size_t done, std::size_t total) {
      report(stage, done, total);
    };
    const auto start = std::chrono::steady_clock::now();
    NARROW_ASSIGN(
        const Quantized quantized,
        quantize(file_.model, calibration_inputs(calibration, file_.model.preprocessing(), options_.calibration_limit),
                 quantize_options));
    made.quantize_seconds = seconds_since(start);
    const std::vector<std::byte> bytes = quantized.model.serialize();
    made.bytes = bytes.size();
    NARROW_TRY(options_.write(output(made, ".nrw"), bytes));

    NARROW_ASSIGN(const std::unique_ptr<Network> batches,
                  open_network(quantized.model, "auto", options_.threads, kBatch, 0, options_.limits));
    NARROW_ASSIGN(const ScoredSet scored, score(*batches));
    made.images = images_;
    made.tally = scored.tally;
    NARROW_ASSIGN(made.agreement, agreement_of(*reference_, scored, images_));
    NARROW_ASSIGN(const std::unique_ptr<Network> single,
                  open_network(quantized.model, "auto", options_.threads, 1, 0, options_.limits));
    NARROW_ASSIGN(made.median_seconds, time(*single));
    return {};
  }

  Result<std::unique_ptr<Network>> open_float() {
    Result<std::unique_ptr<Network>> network = open_network(file_.model, options_.threads, kBatch, options_.limits);
    if (!network.ok()) return of_file(std::move(network).error(), path_);
    return network;
  }

  // The float network's scores, once for all cells that are made.
  Status score_reference() {
    if (reference_) return {};
    NARROW_ASSIGN(evaluated_, PictureSet::open({options_.evaluate.begin(), options_.evaluate.end()},
                                               folder_classes(options_.evaluate, file_.model.labels())));
    images_ = options_.limit == 0 ? evaluated_->size() : std::min(options_.limit, evaluated_->size());
    NARROW_ASSIGN(const std::unique_ptr<Network> network, open_float());
    NARROW_ASSIGN(reference_, score(*network));
    return {};
  }

  Result<ScoredSet> score(Network& network) {
    return score_set(network, *evaluated_, images_, {file_.model.preprocessing(), options_.threads, kBatch},
                     [this](std::size_t done) { report("evaluating, image", done, images_); });
  }

  // The median time of one image, in seconds.
  Result<double> time(Network& network) {
    const BenchInputs inputs = random_inputs(network.input_shape(), file_.model.preprocessing(), kTimingImages, 1);
    NARROW_TRY(warm_up_network(network, inputs, 1, -1));
    BenchLoad load;
    load.seconds = kTimingSeconds;
    NARROW_ASSIGN(BenchTimes times, run_scenario(network, inputs, load, [](double) {}));
    return summarize(std::move(times.run_seconds)).median;
  }

  const SweepOptions& options_;
  std::string path_;
  std::string stem_;
  FloatFile file_;
  Settings shared_;
  const SweepProgress& progress_;
  std::string stage_;
  std::optional<PictureSet> evaluated_;
  std::size_t images_ = 0;
  std::optional<ScoredSet> reference_;
};

Status check_names(const std::vector<std::string>& networks) {
  std::set<std::string> stems;
  for (const std::string& network : networks) {
    const std::string stem = std::filesystem::path(network).stem().string();
    if (stems.insert(stem).second) continue;
    return Error{ErrorCode::kInvalidArgument,
                 "another network of the sweep has the name '" + stem +
                     "' too; rename one of the files, or sweep them into two folders",
                 network};
  }
  return {};
}

// All digits, unlike preprocessing_text().
std::string preprocessing_settings(const Preprocessing& preprocessing) {
  std::string text = preprocessing_text(preprocessing);
  for (const auto* values : {&preprocessing.mean, &preprocessing.std}) {
    for (const float value : *values) text += format(" %.9g", static_cast<double>(value));
  }
  return text;
}

}  // namespace

Result<std::vector<SweepCell>> run_sweep(const SweepOptions& options, const SweepProgress& progress) {
  NARROW_TRY(check_names(options.networks));
  NARROW_ASSIGN(const std::vector<std::string> labels, read_labels(options.labels));
  // Opened now: minutes of work must not end in images that are not there.
  NARROW_TRY(PictureSet::open({options.calibrate.begin(), options.calibrate.end()},
                              folder_classes(options.calibrate, labels)));
  NARROW_ASSIGN(const PictureSet evaluated, PictureSet::open({options.evaluate.begin(), options.evaluate.end()},
                                                             folder_classes(options.evaluate, labels)));
  NARROW_TRY(check_complete(evaluated.left_out()));
  Settings settings;
  NARROW_ASSIGN(settings["calibrate"], fingerprint(options.calibrate));
  NARROW_ASSIGN(settings["evaluate"], fingerprint(options.evaluate));
  settings["calibration limit"] = std::to_string(options.calibration_limit);
  settings["limit"] = std::to_string(options.limit);
  settings["first and last layer"] = options.boundary_layers;
  // Until weights had free bits, too, "on" meant those of activations.
  settings["free bits"] = options.free_bits == "on" ? "weights and activations" : options.free_bits;
  settings["threads"] = std::to_string(options.threads);
  const char* const isa = std::getenv("NARROW_ISA");
  settings["isa"] = isa != nullptr ? isa : available_isas().back();
  const char* const core = std::getenv("NARROW_CORE");
  settings["core"] = core != nullptr ? core : "auto";
  settings["tool"] = "narrow " + std::string(version());
  settings["import"] = import_text(options.import);
  for (const std::string& label : labels) settings["labels"] += label + "\n";

  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return Error{ErrorCode::kIo, "can't make the folder: " + error.message(), options.folder.string()};
  std::vector<SweepCell> cells;
  for (const std::string& path : options.networks) {
    NARROW_ASSIGN(FloatFile file, load_float_file(path, options.import, options.preprocess, labels));
    std::vector<std::string> files{path};
    for (const std::filesystem::path& external : file.model.external_files()) files.push_back(external.string());
    NARROW_ASSIGN(settings["network"], fingerprint(files));
    settings["preprocessing"] = preprocessing_settings(file.model.preprocessing());
    NetworkSweep network(options, path, std::move(file), settings, progress);
    NARROW_TRY(network.run(cells));
  }
  return cells;
}

}  // namespace narrow::cli
