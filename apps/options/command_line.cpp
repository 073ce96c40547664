#include "apps/options/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "apps/options/hints.h"
#include "apps/text/terminal.h"
#include "apps/text/words.h"
#include "apps/text/wrap.h"

namespace narrow::cli {

namespace {

constexpr std::size_t kNameWidth = 34;
constexpr std::size_t kDescriptionWidth = 80;
constexpr std::size_t kNarrowestDescription = 24;

// The width of descriptions on this terminal.
std::size_t description_width() {
  const std::size_t columns = output_terminal().columns;
  if (columns == 0) return kDescriptionWidth;
  return std::clamp(columns - std::min(columns, kNameWidth), kNarrowestDescription, kDescriptionWidth);
}

// Breaks the descriptions of options into lines that fit next to their names. Options with a heading of their own are
// the same in many commands: --help lists their names, and --help-all says more.
class WrappingFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    explains_all_ = mode == CLI::AppFormatMode::All;
    return with_broken_lines(CLI::Formatter::make_help(app, std::move(name), mode), output_terminal().columns);
  }
  std::string make_subcommand(const CLI::App* command) const override {
    constexpr std::size_t kWidth = 16;
    const std::size_t columns = output_terminal().columns;
    std::string text = "  " + command->get_name();
    std::string lines;
    for (const std::string& line :
         wrapped(command->get_description(), columns > 2 * kWidth ? columns - kWidth : kDescriptionWidth)) {
      text.resize(kWidth, ' ');
      lines += text + line + "\n";
      text.clear();
    }
    return lines;
  }
  std::string make_group(std::string heading, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    if (explains_all_ || is_positional || heading == "Options") {
      return CLI::Formatter::make_group(std::move(heading), is_positional, std::move(options));
    }
    std::vector<std::string> names;
    names.reserve(options.size());
    for (const CLI::Option* option : options) names.push_back("--" + option->get_lnames().front());
    std::string text = heading + " (--help-all explains):\n";
    for (const std::string& line : wrapped(join(names, ", "), kNameWidth + description_width() - 2)) {
      text += "  " + line + "\n";
    }
    return text;
  }
  // As in the library, without a type where it says nothing, and without the options that an option excludes.
  std::string make_option_opts(const CLI::Option* option) const override {
    std::string text;
    const std::string type = option->get_type_name();
    if (!type.empty() && type != "TEXT" && type != "INT") text += " " + type;
    if (option->get_expected_max() == CLI::detail::expected_max_vector_size) text += " ...";
    if (option->get_required() && !option->get_positional()) text += " REQUIRED";
    return text;
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    const std::string text = CLI::Formatter::make_option_desc(option);
    const std::size_t width = description_width();
    std::string out;
    std::size_t line_begin = 0;
    std::size_t last_space = std::string::npos;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == ' ') last_space = out.size();
      out += text[i];
      if (out.size() - line_begin > width && last_space != std::string::npos) {
        out[last_space] = '\n';
        line_begin = last_space + 1;
        last_space = std::string::npos;
      }
    }
    return out;
  }

 private:
  mutable bool explains_all_ = false;
};

CommandArguments command_arguments(const CLI::App& command) {
  CommandArguments arguments;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) arguments.options.push_back("--" + name);
    for (const std::string& name : option->get_snames()) arguments.options.push_back("-" + name);
    if (option->get_positional()) arguments.positional.push_back(option->get_name());
  }
  return arguments;
}

// An option that the command does not have. It is reported before anything that is missing, which it may have been
// meant to be.
std::optional<std::string> unknown_option(const CLI::App& command) {
  for (const std::string& rest : command.remaining()) {
    if (rest.size() < 2 || rest[0] != '-' || rest == "--") continue;
    const std::string name = rest.substr(0, rest.find('='));
    return "unknown option '" + name_text(name) + "'" + option_hint(name, command_arguments(command));
  }
  return std::nullopt;
}

// What is wrong with how an option was given.
std::string in_our_words(const CLI::ParseError& problem) {
  std::string text = problem.what();
  if (text.compare(0, 2, ": ") == 0) text.erase(0, 2);  // of an option that --help does not list
  const auto replace = [&](const std::string& theirs, const std::string& ours) {
    const std::size_t at = text.find(theirs);
    if (at != std::string::npos) text.replace(at, theirs.size(), ours);
    return at != std::string::npos;
  };
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&problem) != nullptr) {
    const std::size_t at = text.find(": At Most 1 required but received ");
    if (at != std::string::npos) return text.substr(0, at) + " is given more than once; give it once";
    if (replace(": 1 required ", " needs a value: ")) replace(" missing", "");
    return text;
  }
  if (dynamic_cast<const CLI::ExcludesError*>(&problem) != nullptr && replace(" excludes ", " and ")) {
    return text + " can't be given together; leave out one of them";
  }
  return text;
}

// Of a command, what is wrong with its arguments where that is not `problem` itself.
void explain(Error& error, const CLI::App& command, const CLI::ParseError& problem, const CLI::App& app) {
  if (std::optional<std::string> unknown = unknown_option(command)) {
    error.message = std::move(*unknown);
    return;
  }
  const std::vector<std::string> rest = command.remaining();
  if (dynamic_cast<const CLI::RequiredError*>(&problem) != nullptr && !rest.empty() && error.message[0] == '-') {
    // What is left over is probably what is missing.
    const std::string option = error.message.substr(0, error.message.find(' '));
    error.message += "; did you mean " + option + " " + name_text(rest.front()) + "?";
    return;
  }
  if (dynamic_cast<const CLI::ExtrasError*>(&problem) == nullptr) return;
  if (!rest.empty()) {
    error.message = "unexpected argument '" + name_text(rest.front()) + "'";
    return;
  }
  error.message = "options come after the command: narrow " + command.get_name() + " ...";
  for (const std::string& before : app.remaining()) {
    if (before.size() > 1 && before[0] == '-') error.message += " " + name_text(before);
  }
}

Error usage_error(const CLI::App& app, const CLI::ParseError& problem) {
  Error error{ErrorCode::kInvalidArgument, in_our_words(problem), ""};
  std::string help = app.get_name() + " --help";
  const std::vector<const CLI::App*> commands = app.get_subcommands(nullptr);
  if (commands.empty()) {
    explain(error, app, problem, app);
    error.message += " (see " + help + ")";
    return error;
  }
  std::vector<std::string> names;
  for (const CLI::App* command : commands) {
    names.push_back(command->get_name());
    if (!command->parsed()) continue;
    error.where = command->get_name();
    help = "narrow " + command->get_name() + " --help";
    explain(error, *command, problem, app);
  }
  if (error.where.empty() && app.get_subcommands().empty()) {
    std::vector<std::string> rest = app.remaining();
    rest.erase(std::remove(rest.begin(), rest.end(), "--json"), rest.end());
    if (rest.empty()) {
      error.message = "a command is missing";
    } else {
      const bool option = rest.front()[0] == '-';
      const std::string name = rest.front().substr(0, option ? rest.front().find('=') : std::string::npos);
      error.message =
          std::string(option ? "unknown option '" : "unknown command '") + name_text(name) + "'" +
          (option ? option_hint(name, command_arguments(app)) : command_hint(name, names, command_arguments(app)));
      if (option && option_hint(name, command_arguments(app)).empty())
        error.message += "; options come after the command";
    }
    error.message += "; the commands are " + join(names, ", ");
  }
  error.message += " (see " + help + ")";
  return error;
}

// An empty text, as of a variable of a shell that is not set, is not the same as no option.
std::string not_empty(const std::string& text) {
  return text.empty() ? "the value is empty; give one, or leave the option out" : "";
}

// "--model=", whose value would be the argument after it.
std::optional<Error> empty_value(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument.size() < 4 || argument.compare(0, 2, "--") != 0 || argument.back() != '=') continue;
    return Error{ErrorCode::kInvalidArgument, not_empty(""), argument.substr(0, argument.size() - 1)};
  }
  return std::nullopt;
}

}  // namespace

const Option& Option::required() const {
  option_->required();
  return *this;
}

const Option& Option::check(Check check) const {
  option_->check(CLI::Validator([check = std::move(check)](std::string& text) { return check(text); }, "", "check"));
  return *this;
}

const Option& Option::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

const Option& Option::group(const std::string& heading) const {
  option_->group(heading);
  return *this;
}

const Option& Option::one_value() const {
  option_->allow_extra_args(false);
  return *this;
}

const Option& Option::excludes(const Option& other) const {
  option_->excludes(other.option_);
  return *this;
}

bool Option::given() const { return option_->count() > 0; }

std::string Option::name() const { return option_->get_name(); }

Option Subcommand::add(const std::string& names, std::string& value, const std::string& help) const {
  const Option option(app_->add_option(names, value, help));
  return option.check(not_empty);
}

Option Subcommand::add(const std::string& names, std::vector<std::string>& value, const std::string& help) const {
  const Option option(app_->add_option(names, value, help));
  return option.check(not_empty);
}

Option Subcommand::add(const std::string& names, int& value, const std::string& help) const {
  return Option(app_->add_option(names, value, help));
}

Option Subcommand::add(const std::string& names, std::uint64_t& value, const std::string& help) const {
  return Option(app_->add_option(names, value, help));
}

Option Subcommand::add(const std::string& names, double& value, const std::string& help) const {
  return Option(app_->add_option(names, value, help));
}

Option Subcommand::add_flag(const std::string& names, bool& value, const std::string& help) const {
  return Option(app_->add_flag(names, value, help));
}

bool Subcommand::given() const { return app_->parsed(); }

std::string Subcommand::name() const { return app_->get_name(); }

std::vector<std::string> Subcommand::given_options(const std::vector<std::string>& but) const {
  std::vector<std::string> arguments;
  const CLI::App& app = *app_;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) continue;
    const std::string name = "--" + option->get_lnames().front();
    if (std::find(but.begin(), but.end(), name) != but.end()) continue;
    if (option->get_items_expected_max() == 0) {
      arguments.push_back(name);
      continue;
    }
    for (const std::string& value : option->results()) arguments.insert(arguments.end(), {name, value});
  }
  return arguments;
}

CommandLine::CommandLine(const std::string& description, const std::string& footer, const std::string& version)
    : app_(std::make_unique<CLI::App>(description, "narrow")) {
  auto formatter = std::make_shared<WrappingFormatter>();
  formatter->column_width(kNameWidth);
  app_->formatter(formatter);
  app_->footer(footer);
  app_->set_version_flag("--version", version);
  app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Subcommand CommandLine::add(const std::string& name, const std::string& description, const std::string& examples) {
  CLI::App* command = app_->add_subcommand(name, description);
  command->set_help_flag("-h,--help", "Print this help and exit");
  // Where it says more than --help, that names it.
  command->set_help_all_flag("--help-all", "Print all options and exit")->group("");
  command->footer(examples);
  return Subcommand(command);
}

Subcommand CommandLine::without_subcommands(const std::string& program) {
  app_->name(program);
  app_->require_subcommand(0);
  app_->set_help_all_flag("--help-all", "Print all options and exit")->group("");
  return Subcommand(app_.get());
}

namespace {

// The error for a flag that is given more than once. Options with values have theirs from the library.
std::optional<Error> repeated_flag(const CLI::App& app) {
  std::vector<const CLI::App*> parsed{&app};
  for (const CLI::App* command : app.get_subcommands()) parsed.push_back(command);
  for (const CLI::App* command : parsed) {
    for (const CLI::Option* option : command->get_options()) {
      if (option->get_items_expected_max() > 0 || option->count() < 2) continue;
      const std::string help = (command == &app ? "" : "narrow ") + command->get_name() + " --help";
      return Error{ErrorCode::kInvalidArgument,
                   option->get_name() + " is given more than once; give it once (see " + help + ")",
                   command == &app ? "" : command->get_name()};
    }
  }
  return std::nullopt;
}

}  // namespace

Result<bool> CommandLine::parse(int argc, char** argv) {
  if (std::optional<Error> empty = empty_value({argv + std::min(argc, 1), argv + argc})) return *std::move(empty);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::Success& wanted) {  // --help, --version
    app_->exit(wanted);
    return false;
  } catch (const CLI::ParseError& problem) {
    return usage_error(*app_, problem);
  }
  if (std::optional<Error> repeated = repeated_flag(*app_)) return *std::move(repeated);
  return true;
}

std::vector<CommandText> CommandLine::commands() const {
  std::vector<CommandText> commands;
  const CLI::App& app = *app_;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    CommandText text{command->get_name(), command->get_description(), command->get_footer(), {}};
    for (const CLI::Option* option : command->get_options()) {
      const bool is_hidden = option->get_group().empty() && option != command->get_help_all_ptr();
      if (is_hidden) continue;
      OptionText described;
      described.positional = option->get_positional();
      if (described.positional) {
        described.names.push_back(option->get_name());
      } else {
        for (const std::string& name : option->get_snames()) described.names.push_back("-" + name);
        for (const std::string& name : option->get_lnames()) described.names.push_back("--" + name);
      }
      if (option->get_items_expected_max() > 0) described.value = option->get_type_name();
      described.help = option->get_description();
      text.options.push_back(std::move(described));
    }
    commands.push_back(std::move(text));
  }
  return commands;
}

Result<std::string> CommandLine::help(const std::string& name) const {
  // App::help() would print that of the subcommand that was parsed.
  if (name.empty()) return app_->get_formatter()->make_help(app_.get(), app_->get_name(), CLI::AppFormatMode::Normal);
  const CLI::App& app = *app_;
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) {
    if (command->get_name() == name) return command->help("narrow");
    names.push_back(command->get_name());
  }
  return Error{ErrorCode::kInvalidArgument,
               "unknown command '" + name_text(name) + "'" + command_hint(name, names, command_arguments(app)) +
                   "; the commands are " + join(names, ", "),
               "help"};
}

}  // namespace narrow::cli
