// narrow sweep: accuracy, size and time of networks at several bits and efforts.
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/commands/open_images.h"
#include "apps/files/interruption.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/options.h"
#include "apps/options/preprocess_options.h"
#include "apps/report/page.h"
#include "apps/report/progress.h"
#include "apps/report/sweep_report.h"
#include "apps/run/sweep.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct SweepFlags {
  SweepOptions options;
  std::string folder;
  std::string csv;
  std::string page;
  int threads = 0;
};

Status write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  NARROW_ASSIGN(OutputFile file, OutputFile::create(path));
  NARROW_TRY(file.write(bytes));
  return file.commit();
}

Result<int> sweep(const SweepFlags& flags, Console& console) {
  NARROW_TRY(check_environment());
  NARROW_TRY(check_output_name(flags.folder, OutputKind::kFolder));
  NARROW_ASSIGN(const bool has_no_images, are_no_images(flags.options.calibrate));
  if (has_no_images) {
    return console.fail(Error{ErrorCode::kInvalidArgument,
                              "narrow sweep needs images to quantize with; give some, or make a network without them: "
                              "narrow quantize --calibrate none (./none names a file or folder)",
                              "--calibrate"},
                        kUsage);
  }
  SweepOptions options = flags.options;
  if (options.bits.empty()) options.bits = {"8", "6", "4/8", "4", "3", "2/8", "2/4", "2"};
  if (options.efforts.empty()) options.efforts = {"default"};
  options.folder = flags.folder;
  options.write = write_file;
  say_when_interrupted("finished results are in " + name_text(flags.folder) +
                       ", and the same command makes those that are missing");
  options.threads = threads_to_use(flags.threads, 256);
  std::optional<OutputFile> page;
  if (!flags.page.empty()) {
    if (const Status built_in = check_page_is_built_in("--page"); !built_in.ok()) return console.fail(built_in.error());
    NARROW_TRY(check_not_an_input(flags.page, options.networks));
    NARROW_TRY(check_replaces_own(flags.page, page_begin(Page::kSweep), "a page of narrow sweep"));
    NARROW_TRY(check_output_name(flags.page, OutputKind::kPage));
    NARROW_ASSIGN(page, OutputFile::create(flags.page));
  }
  std::optional<OutputFile> csv;
  if (!flags.csv.empty()) {
    std::vector<std::string> inputs = options.networks;
    for (const std::vector<std::string>* images : {&options.calibrate, &options.evaluate}) {
      inputs.insert(inputs.end(), images->begin(), images->end());
    }
    inputs.push_back(options.labels);
    inputs.push_back(options.preprocess.preset);
    NARROW_TRY(check_not_an_input(flags.csv, inputs));
    NARROW_TRY(check_replaces_own(flags.csv, "network,bits,effort,", "a table of narrow sweep"));
    NARROW_TRY(check_output_name(flags.csv, OutputKind::kTable));
    NARROW_ASSIGN(csv, OutputFile::create(flags.csv));
  }
  Progress progress("sweeping");
  Result<std::vector<SweepCell>> cells =
      run_sweep(options, [&progress](const std::string& stage, std::size_t done, std::size_t total) {
        progress.start(stage);
        progress.update(done, total);
      });
  progress.erase();
  if (!cells.ok()) return std::move(cells).error();
  SweepReport report{.cells = *std::move(cells),
                     .folder = flags.folder,
                     .threads = options.threads,
                     .calibrate = options.calibrate,
                     .evaluate = options.evaluate,
                     .isa = {}};
  report.isa = report.cells.front().settings["isa"];
  if (csv) {
    const std::string text = sweep_csv(report);
    NARROW_TRY(csv->write(std::as_bytes(std::span(text))));
    NARROW_TRY(csv->commit());
  }
  const std::string document = page || console.json() ? sweep_json(report) : std::string();
  if (page) {
    const std::string text = page_of(Page::kSweep, document, sweep_title(report) + " - narrow sweep");
    NARROW_TRY(page->write(std::as_bytes(std::span(text))));
    NARROW_TRY(page->commit());
  }
  console.print(sweep_text(report));
  if (page) console.print("wrote " + flags.page + "\n");
  console.result(document);
  return kSuccess;
}

constexpr const char* kSweepExamples =
    "Examples:\n"
    "  narrow sweep resnet20.pth --calibrate train/ --evaluate test/ -o study/\n"
    "  narrow sweep resnet20.pth mnv2.onnx --bits 8 6 4/8 2 --effort fast default --calibrate train/ \\\n"
    "      --evaluate test/ -o study/ --csv study.csv --page study.html\n"
    "\n"
    "Each combination of network, bits and effort is quantized, evaluated against the float network and timed. The\n"
    "folder receives its .nrw and a .json with the results as soon as it is finished. The same command again makes\n"
    "only what is missing, so that a sweep can be interrupted and continued. A result is made again if an option, the\n"
    "network's file or the images have changed (docs/cli.md).";

}  // namespace

Command add_sweep(CommandLine& line) {
  auto flags = std::make_shared<SweepFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("sweep", "Quantize networks at several bits and list accuracy, size and time", kSweepExamples);
  SweepOptions& options = flags->options;
  command.add("NETWORK", options.networks, "Float networks: PyTorch checkpoints, safetensors, ONNX, float .nrw files")
      .required();
  command
      .add("--bits", options.bits,
           "Bits of weights and activations: 4 for both, 4/8 for 4-bit weights and 8-bit activations; 8 6 4/8 4 3 2/8 "
           "2/4 2 unless given")
      .check(bit_pair_text())
      .type_name("BITS");
  command.add("--effort", options.efforts, "How long quantizing may take: " + join(effort_names(), ", "))
      .check(one_of(effort_names()))
      .type_name("NAME");
  command.add("--calibrate", options.calibrate, "Images to quantize with; labels are not needed. May be repeated")
      .required()
      .one_value()
      .type_name("PICTURES");
  command
      .add("--calibration-limit", options.calibration_limit,
           "Quantize with at most N images, evenly spread; 0 for all, 512 unless given")
      .check(whole_number(0, 1000000000))
      .type_name("N");
  command
      .add("--evaluate", options.evaluate,
           "Images to compare with the float network on, and with labels to count right answers on. May be repeated")
      .required()
      .one_value()
      .type_name("PICTURES");
  command.add("--limit", options.limit, "Evaluate at most N images, evenly spread; 0 for all (default)")
      .check(whole_number(0, 1000000000))
      .type_name("N");
  command
      .add("--first-last", options.boundary_layers,
           "Bits of the first and last layer, 8 unless given; float leaves them in float, off treats them like all "
           "others")
      .check(boundary_layers_text())
      .type_name("BITS|float|off");
  command
      .add("--free-bits", options.free_bits,
           "Give more bits where fewer would save little time: on (default), activations, or off")
      .check(one_of(free_bits_names()))
      .type_name("NAME");
  command.add("-o,--output", flags->folder, "The folder of the results; made if it is not there")
      .required()
      .type_name("DIR");
  command.add("--csv", flags->csv, "Write the table to this file, as CSV").type_name("FILE");
  command
      .add("--page", flags->page,
           "Write a page with the results: accuracy against size and time, and the command of each result")
      .type_name("FILE.html");
  add_labels_option(command, options.labels);
  add_limit_options(command, options.limits);
  add_threads_option(command, flags->threads);
  add_json_option(command, *json);
  add_preprocess_options(command, options.preprocess);
  add_import_options(command, options.import, false);
  return {command, json, [flags, command](Console& console) {
            // Files do not depend on threads.
            flags->options.quantize_options = command.given_options(
                {"--bits", "--effort", "--evaluate", "--limit", "--output", "--csv", "--page", "--threads", "--json"});
            return finish(console, sweep(*flags, console));
          }};
}

}  // namespace narrow::cli
