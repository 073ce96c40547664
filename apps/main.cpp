// The `narrow` command: quantize a network, look at it, measure it, classify with it, convert it.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/files/output_file.h"
#include "apps/options/command_line.h"
#include "apps/report/console.h"
#include "apps/report/exit_codes.h"
#include "apps/text/words.h"
#include "narrow/image.h"
#include "narrow/version.h"

namespace narrow::cli {
namespace {

constexpr const char* kDescription =
    "narrow - integer inference for image-classification networks on x86 CPUs\n"
    "\n"
    "Takes float networks (PyTorch, safetensors, ONNX), makes an integer network of 8 down to 2 bits from them and "
    "runs it.";

constexpr const char* kFooter =
    "First steps:\n"
    "  narrow classify cat.jpg                                    with the built-in CIFAR-10 model\n"
    "  narrow quantize resnet20.pth --calibrate train/ -o resnet20.nrw\n"
    "  narrow evaluate resnet20.nrw test/\n"
    "  narrow evaluate resnet20.pth resnet20.nrw photos/          how close they are, without labels\n"
    "  narrow compare resnet20.pth resnet20.nrw photos/ --layers  which layers lose what\n"
    "  narrow sweep resnet20.pth --calibrate train/ --evaluate test/ -o study/\n"
    "  narrow bench resnet20.nrw --layers\n"
    "  narrow inspect resnet20.nrw\n"
    "  narrow convert net.qdq.onnx -o net.nrw                     pre-quantized, kept as it is\n"
    "\n"
    "PICTURES is a folder with a subfolder per class, a folder of images, a text file of\n"
    "path<TAB>label lines, image files, a CIFAR-10 binary file or MNIST's IDX files.\n"
    "\n"
    "Exit codes: 0 success; 1 the work failed (a file is missing, broken or not writable, ...);\n"
    "2 the command line is wrong; 3 classify only: some images could not be read.\n"
    "\n"
    "Environment: NARROW_ISA names the instruction set where --isa does not.\n";

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

int run(int argc, char** argv) {
  CommandLine line(kDescription, kFooter + decoders_text(), "narrow " + std::string(version()));
  const std::vector<Command> commands = {add_classify(line), add_quantize(line), add_evaluate(line),
                                         add_compare(line),  add_sweep(line),    add_bench(line),
                                         add_inspect(line),  add_convert(line),  add_operators(line)};
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
  } catch (const std::exception& problem) {
    narrow::cli::Console(narrow::cli::asks_for_json(argc, argv))
        .report(Error{ErrorCode::kInternal, problem.what(), ""});
    return narrow::cli::kFailure;
  }
}
