// The `narrow` command: quantize a network, look at it, measure it, classify with it, convert it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/exit_codes.h"
#include "apps/report/console.h"
#include "narrow/version.h"

namespace {

using narrow::Error;
using narrow::ErrorCode;
using narrow::cli::Command;
using narrow::cli::Console;

constexpr std::size_t kNameWidth = 34;
constexpr std::size_t kDescriptionWidth = 80;

constexpr const char* kDescription =
    "narrow - integer inference for image-classification networks on x86 CPUs\n"
    "\n"
    "Takes float networks (PyTorch, safetensors, ONNX), makes an integer network of 8 down to 2 bits from them and "
    "runs it.";

constexpr const char* kFooter =
    "A first walk:\n"
    "  narrow classify cat.jpg                                    with the built-in CIFAR-10 model\n"
    "  narrow quantize resnet20.pth --calibrate train/ -o resnet20.nrw\n"
    "  narrow evaluate resnet20.nrw test/\n"
    "  narrow bench resnet20.nrw --layers\n"
    "  narrow inspect resnet20.nrw\n"
    "  narrow convert net.qdq.onnx -o net.nrw                     quantized elsewhere, kept as it is\n"
    "\n"
    "PICTURES is a folder with a subfolder per class, a folder of pictures, a text file of\n"
    "path<TAB>label lines, picture files (JPEG, PNG, BMP, PNM), a CIFAR-10 binary file or MNIST's\n"
    "IDX files.\n"
    "\n"
    "Exit codes: 0 success; 1 the work failed (a file is missing, broken or not writable, ...);\n"
    "2 the command line is wrong; 3 classify only: some pictures could not be read.\n"
    "\n"
    "Environment: NARROW_ISA names the instruction set where --isa does not.";

// A usage error has to know --json before the command line could be parsed.
bool asks_for_json(int argc, char** argv) {
  return std::any_of(argv, argv + argc, [](const char* argument) { return std::strcmp(argument, "--json") == 0; });
}

// Breaks the descriptions of options into lines that fit beside their names.
class WrappingFormatter : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string text = CLI::Formatter::make_option_desc(option);
    std::string out;
    std::size_t line_begin = 0;
    std::size_t last_space = std::string::npos;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == ' ') last_space = out.size();
      out += text[i];
      if (out.size() - line_begin > kDescriptionWidth && last_space != std::string::npos) {
        out[last_space] = '\n';
        line_begin = last_space + 1;
        last_space = std::string::npos;
      }
    }
    return out;
  }
};

int usage_error(const CLI::App& app, const std::vector<Command>& commands, const CLI::ParseError& problem,
                Console& console) {
  Error error{ErrorCode::kInvalidArgument, problem.what(), ""};
  std::string help = "narrow --help";
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    error.where = command.app->get_name();
    help = "narrow " + command.app->get_name() + " --help";
  }
  if (error.where.empty() && app.get_subcommands().empty()) {
    std::vector<std::string> rest = app.remaining();
    rest.erase(std::remove(rest.begin(), rest.end(), "--json"), rest.end());
    error.message = rest.empty() ? "a command is missing" : "unknown command or option '" + rest.front() + "'";
    error.message += "; the commands are classify, quantize, evaluate, bench, inspect, convert, operators";
  }
  error.message += " (see " + help + ")";
  return console.fail(error, narrow::cli::kUsage);
}

int run(int argc, char** argv) {
  CLI::App app(kDescription, "narrow");
  auto formatter = std::make_shared<WrappingFormatter>();
  formatter->column_width(kNameWidth);
  app.formatter(formatter);
  app.footer(kFooter);
  app.set_version_flag("--version", "narrow " + std::string(narrow::version()));
  app.require_subcommand(1);
  const std::vector<Command> commands = {narrow::cli::add_classify(app), narrow::cli::add_quantize(app),
                                         narrow::cli::add_evaluate(app), narrow::cli::add_bench(app),
                                         narrow::cli::add_inspect(app),  narrow::cli::add_convert(app),
                                         narrow::cli::add_operators(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    return app.exit(wanted);
  } catch (const CLI::ParseError& problem) {
    Console console(asks_for_json(argc, argv));
    return usage_error(app, commands, problem, console);
  }
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    Console console(*command.json);
    int code = narrow::cli::kFailure;
    try {
      code = command.run(console);
    } catch (const std::bad_alloc&) {
      code = console.fail(Error{ErrorCode::kLimit, "not enough memory", command.app->get_name()});
    }
    if (const narrow::Status status = console.flush(); !status.ok()) {
      console.report(status.error());
      return narrow::cli::kFailure;
    }
    return code;
  }
  return narrow::cli::kUsage;
}

}  // namespace

int main(int argc, char** argv) {
  // A reader that has seen enough (`narrow inspect m.nrw | head`) must not end the work behind it.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return run(argc, argv);
  } catch (const std::exception& problem) {
    Console(asks_for_json(argc, argv)).report(Error{ErrorCode::kInternal, problem.what(), ""});
    return narrow::cli::kFailure;
  }
}
