// The `narrow` command: quantize a network, look at it, measure it, classify with it, convert it.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/files/interruption.h"
#include "apps/files/output_file.h"
#include "apps/options/command_line.h"
#include "apps/report/console.h"
#include "apps/report/exit_codes.h"
#include "apps/run/bundle.h"
#include "apps/run/default_model.h"
#include "apps/text/words.h"
#include "narrow/image.h"
#include "narrow/version.h"

namespace narrow::cli {
namespace {

// What follows the first steps.
constexpr const char* kFooter =
    "\n"
    "PICTURES is a folder with a subfolder per class, a folder of images, a text file of\n"
    "path<TAB>label lines, image files, a CIFAR-10 binary file or MNIST's IDX files.\n"
    "\n"
    "Exit codes: 0 success; 1 the work failed (a file is missing, broken or not writable, ...);\n"
    "2 the command line is wrong; 3 some images could not be read,\n"
    "and the others were used (classify, embed, report).\n"
    "\n"
    "Environment: NARROW_ISA names the instruction set where --isa does not, NARROW_CORE the CPU core by whose costs\n"
    "kernels are chosen; NO_COLOR: no colours on terminals.\n";

// "Images: JPEG (libjpeg-turbo 2.1.5), PNG (stb_image), ...": what this build reads, and by which decoder.
std::string decoders_text() {
  std::vector<std::string> known;
  std::vector<std::string> missing;
  for (const ImageFormat& format : image_formats()) {
    if (format.decoder.empty()) {
      missing.push_back(format.name);
    } else {
      known.push_back(format.name + (format.decoder == "narrow" ? "" : " (" + format.decoder + ")"));
    }
  }
  return "\nImages: " + join(known, ", ") + (missing.empty() ? "" : "; built without " + join(missing, ", "));
}

// A usage error is reported as JSON if --json was given, also where the command line could not be parsed.
bool asks_for_json(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](const char* argument) { return std::strcmp(argument, "--json") == 0; });
}

int run(const Command& command) {
  say_when_interrupted("the same command starts anew");
  Console console(*command.json);
  int code = kFailure;
  try {
    code = command.run(console);
  } catch (const std::bad_alloc&) {
    code = console.fail(Error{ErrorCode::kLimit, "not enough memory", command.options.name()});
  }
  if (const Status status = console.flush(); !status.ok()) {
    console.report(status.error());
    return kFailure;
  }
  return code;
}

// An error about this program's own file, by the name that it was started by instead of the system's name for it.
Error about_this_program(Error error, int argc, char** argv) {
  if (argc > 0) error.where = argv[0];
  return error;
}

// A program of narrow bundle is narrow classify with a model of its own.
int run_bundle(const BundledModel& model, int argc, char** argv) {
  const std::string path = argc > 0 ? argv[0] : "";
  const std::string program = path.substr(path.rfind('/') + 1);
  Console::set_program(program);
  set_interrupted_program(program);
  Result<std::vector<std::byte>> bytes = read_bundled_model(running_file(), model);
  if (!bytes.ok()) return Console(asks_for_json(argc, argv)).fail(about_this_program(bytes.error(), argc, argv));
  set_default_model(*std::move(bytes));
  CommandLine line(
      "Names what images show, with the model that is a part of this program.",
      "\nIt is a program of narrow bundle, and takes the options of narrow classify. Images that can't be read "
      "are\nreported and the others classified: exit code 3." +
          decoders_text(),
      program + ", narrow " + std::string(version()) + built_commands().kind);
  const Command classify = add_bundled_classify(line, program);
  const Result<bool> parsed = line.parse(argc, argv);
  if (!parsed.ok()) return Console(asks_for_json(argc, argv)).fail(parsed.error(), kUsage);
  return *parsed ? run(classify) : kSuccess;
}

int run(int argc, char** argv) {
  const Result<std::optional<BundledModel>> own_model = find_bundled_model(running_file());
  if (own_model.ok() && *own_model) return run_bundle(**own_model, argc, argv);
  if (!own_model.ok() && own_model.error().code == ErrorCode::kMalformed) {
    return Console(asks_for_json(argc, argv)).fail(about_this_program(own_model.error(), argc, argv));
  }
  const BuiltCommands built = built_commands();
  CommandLine line(built.description, std::string("First steps:\n") + built.first_steps + kFooter + decoders_text(),
                   "narrow " + std::string(version()) + built.kind);
  const std::vector<Command> commands = built.add(line);
  if (argc > 1 && std::count(built.elsewhere.begin(), built.elsewhere.end(), argv[1]) > 0) {
    return Console(asks_for_json(argc, argv))
        .fail(Error{ErrorCode::kUnsupported, "is no command of the small narrow; the full command has it (./dev build)",
                    argv[1]},
              kUsage);
  }
  const Result<bool> parsed = line.parse(argc, argv);
  if (!parsed.ok()) return Console(asks_for_json(argc, argv)).fail(parsed.error(), kUsage);
  if (!*parsed) return kSuccess;
  for (const Command& command : commands) {
    if (command.options.given()) return run(command);
  }
  return kUsage;
}

// While memory is out, a destructor of a library may have to allocate where no exception may leave it, as that of
// nlohmann's documents. The process then ends with an error, and not by a signal.
[[noreturn]] void end_where_no_exception_may_leave() {
  try {
    if (const std::exception_ptr problem = std::current_exception()) std::rethrow_exception(problem);
  } catch (const std::bad_alloc&) {
    constexpr std::string_view kText = "narrow: not enough memory\n";
    remove_unfinished_files();
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kText.data(), kText.size());
    std::_Exit(kFailure);
  } catch (...) {
    std::abort();
  }
  std::abort();
}

}  // namespace
}  // namespace narrow::cli

int main(int argc, char** argv) {
  using narrow::Error;
  using narrow::ErrorCode;
  // A reader that stops early (`narrow inspect m.nrw | head`) must not end the process by a signal.
  std::signal(SIGPIPE, SIG_IGN);
  std::set_terminate(narrow::cli::end_where_no_exception_may_leave);
  try {
    return narrow::cli::run(argc, argv);
  } catch (const std::bad_alloc&) {  // before a command began
    narrow::cli::Console(narrow::cli::asks_for_json(argc, argv))
        .report(Error{ErrorCode::kLimit, "not enough memory", ""});
    return narrow::cli::kFailure;
  } catch (const std::exception& problem) {
    narrow::cli::Console(narrow::cli::asks_for_json(argc, argv))
        .report(Error{ErrorCode::kInternal, problem.what(), ""});
    return narrow::cli::kFailure;
  }
}
