// narrow pack: packed weights beside a model, for processes that map them.
#include <filesystem>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/options.h"
#include "apps/report/pack_report.h"
#include "apps/run/model_file.h"
#include "apps/run/network.h"
#include "base/try.h"
#include "narrow/session.h"

namespace narrow::cli {

namespace {

struct PackFlags {
  std::string model;
  std::string output;
  std::string isa = "auto";
  std::string core = "auto";
  LimitFlags limits;
};

Result<int> pack(const PackFlags& flags, Console& console) {
  NARROW_ASSIGN(const Model model, Model::load(flags.model));
  SessionOptions options;
  options.isa = flags.isa;
  options.core = flags.core;
  set_limits(options, flags.limits);
  Result<Session> created = Session::create(model, options);
  if (!created.ok()) return of_file(std::move(created).error(), flags.model);
  const Session session = *std::move(created);
  const std::string output = flags.output.empty() ? flags.model + "." + session.isa() + ".packed" : flags.output;
  NARROW_TRY(check_not_an_input(output, {flags.model}));
  NARROW_TRY(check_replaces_own(output, "\x89NPK\r\n\x1A\n", "a file of narrow pack"));
  NARROW_TRY(check_output_name(output, OutputKind::kPacked));
  NARROW_TRY(session.save_packed(output));
  std::error_code ignored;
  const PackReport report{.model = flags.model,
                          .output = output,
                          .isa = session.isa(),
                          .core = session.core(),
                          .output_bytes = std::filesystem::file_size(output, ignored)};
  console.print(pack_text(report));
  console.result(pack_json(report));
  return kSuccess;
}

constexpr const char* kPackExamples =
    "Examples:\n"
    "  narrow pack resnet50.nrw                     writes resnet50.nrw.avx2.packed, where the CPU has AVX2\n"
    "  narrow pack resnet50.nrw --isa avx2 --core zen4 -o resnet50.zen4\n"
    "\n"
    "A program gives the file to SessionOptions::packed (narrow_session_options.packed in C). Its sessions then pack\n"
    "nothing, and processes share the pages. The file is for one model, instruction set, core and version of Narrow; "
    "with\n"
    "another one it is refused, so make it where it is used, when Narrow or the model is installed.";

}  // namespace

Command add_pack(CommandLine& line) {
  auto flags = std::make_shared<PackFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("pack", "Write a model's weights as kernels read them, to be mapped", kPackExamples);
  command.add("MODEL", flags->model, "A .nrw file").required();
  command.add("-o,--output", flags->output, "The file to write, MODEL.ISA.packed unless given; another one is replaced")
      .type_name("FILE");
  add_isa_option(command, flags->isa);
  add_core_option(command, flags->core);
  add_limit_options(command, flags->limits);
  add_json_option(command, *json);
  return {command, json, [flags](Console& console) { return finish(console, pack(*flags, console)); }};
}

}  // namespace narrow::cli
