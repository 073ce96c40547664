// narrow bundle: the command and a model in one program.
#include <optional>
#include <string_view>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/options.h"
#include "apps/report/bundle_report.h"
#include "apps/run/bundle.h"
#include "apps/run/model_bytes.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

struct BundleFlags {
  std::string model;
  std::string output;
  std::string command;  // empty: this one
};

// Error: the output is there, and is no bundle.
Status check_replaces_bundle(const std::string& output) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(output, ignored) || std::filesystem::file_size(output, ignored) == 0) return {};
  const Result<std::optional<BundledModel>> there = find_bundled_model(output);
  // A damaged bundle is one too.
  if (there.ok() ? there->has_value() : there.error().code == ErrorCode::kMalformed) return {};
  return Error{
      ErrorCode::kInvalidArgument,
      "is there, is not a program of narrow bundle and will not be replaced; choose another name, or remove it "
      "first",
      output};
}

Result<int> bundle(const BundleFlags& flags, Console& console) {
  const std::filesystem::path command = flags.command.empty() ? running_file() : std::filesystem::path(flags.command);
  NARROW_TRY(check_not_an_input(flags.output, {flags.model, command.string()}));
  NARROW_TRY(check_replaces_bundle(flags.output));
  NARROW_TRY(check_output_name(flags.output, OutputKind::kProgram));
  NARROW_ASSIGN(const ModelBytes model, read_model_bytes(flags.model));
  NARROW_ASSIGN(const std::vector<std::byte> program, read_command(command));
  const std::vector<std::byte> tail = bundle_tail(program.size(), model.bytes);
  NARROW_ASSIGN(OutputFile file, OutputFile::create(flags.output));
  NARROW_TRY(file.make_executable());
  NARROW_TRY(file.write(program));
  NARROW_TRY(file.write(tail));
  NARROW_TRY(file.commit());
  const BundleReport report{.model = flags.model,
                            .output = flags.output,
                            .command = flags.command,
                            .command_bytes = program.size(),
                            .model_bytes = model.bytes.size(),
                            .output_bytes = program.size() + tail.size()};
  console.print(bundle_text(report));
  console.result(bundle_json(report));
  return kSuccess;
}

constexpr const char* kBundleExamples =
    "Examples:\n"
    "  narrow bundle birds.nrw -o classify-birds\n"
    "  ./classify-birds photos/ --top 1      takes the images and options of narrow classify\n"
    "  ./classify-birds --help\n"
    "  narrow bundle birds.nrw -o classify-birds --command build/standalone/narrow\n"
    "\n"
    "The program is a copy of this command, with the model behind it. It needs what the command needs: the full "
    "command\n"
    "the libraries of the quantizer, the small one those that decode images, one that is linked statically nothing.";

}  // namespace

Command add_bundle(CommandLine& line) {
  auto flags = std::make_shared<BundleFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command = line.add("bundle", "Make one program that classifies with a model", kBundleExamples);
  command.add("MODEL", flags->model, "A .nrw file").required();
  command.add("-o,--output", flags->output, "The program to write; another bundle there is replaced")
      .required()
      .type_name("FILE");
  command.add("--command", flags->command, "The narrow command to copy, instead of this one").type_name("FILE");
  add_json_option(command, *json);
  return {command, json, [flags](Console& console) { return finish(console, bundle(*flags, console)); }};
}

}  // namespace narrow::cli
