// Subcommands and their options. Only command_line.cpp includes the library that parses them, which takes seconds to
// compile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "narrow/result.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace narrow::cli {

// Returns what is wrong with the text of a value, as a whole sentence; an empty string if nothing is.
using Check = std::function<std::string(const std::string& text)>;

// An option of a subcommand. Copies refer to the same option.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  const Option& required() const;
  const Option& check(Check check) const;
  // The name of the value in --help: "FILE".
  const Option& type_name(const std::string& name) const;
  // The heading in --help under which the option is listed. Empty: it is not listed, nor in other forms of the help.
  const Option& group(const std::string& heading) const;
  // The option takes one value each time it is given. Without this call it takes all values that follow. For options
  // that may be repeated.
  const Option& one_value() const;
  // It is an error to give both options.
  const Option& excludes(const Option& other) const;

  [[nodiscard]] bool given() const;        // on the command line; valid after parsing
  [[nodiscard]] std::string name() const;  // "--batch"

 private:
  CLI::Option* option_;
};

class Subcommand {
 public:
  explicit Subcommand(CLI::App* app) : app_(app) {}

  // names: "--batch", "-o,--output" or, for a positional option, "MODEL". `value` is written when the command line is
  // parsed and must outlive that.
  Option add(const std::string& names, std::string& value, const std::string& help) const;
  Option add(const std::string& names, std::vector<std::string>& value, const std::string& help) const;
  Option add(const std::string& names, int& value, const std::string& help) const;
  Option add(const std::string& names, std::uint64_t& value, const std::string& help) const;
  Option add(const std::string& names, double& value, const std::string& help) const;
  Option add_flag(const std::string& names, bool& value, const std::string& help) const;

  [[nodiscard]] bool given() const;  // valid after parsing
  [[nodiscard]] std::string name() const;
  // The options that were given, but for those of these names ("--bits"), as arguments of another command that has the
  // same options. Positional ones are left out. Valid after parsing.
  [[nodiscard]] std::vector<std::string> given_options(const std::vector<std::string>& but) const;

 private:
  CLI::App* app_;
};

// What --help says about an option, for other forms of it.
struct OptionText {
  std::vector<std::string> names;  // "-o", "--output"; of a positional option its one name, "MODEL"
  std::string value;               // "FILE"; empty: the option takes none
  std::string help;
  bool positional = false;
};
struct CommandText {
  std::string name;
  std::string description;
  std::string examples;
  std::vector<OptionText> options;  // in the order of --help
};

class CommandLine {
 public:
  // description and footer: texts of --help. version: the text that --version prints.
  CommandLine(const std::string& description, const std::string& footer, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // examples: the text at the end of its --help.
  [[nodiscard]] Subcommand add(const std::string& name, const std::string& description, const std::string& examples);
  // Instead of subcommands: the options that are added to the result are those of the program itself, which has this
  // name.
  [[nodiscard]] Subcommand without_subcommands(const std::string& program);

  // Of each subcommand, in the order of --help.
  [[nodiscard]] std::vector<CommandText> commands() const;
  // The text of --help: of a subcommand or, without a name, of the command itself. Error: kInvalidArgument, no such
  // subcommand; says what was probably meant.
  [[nodiscard]] Result<std::string> help(const std::string& name) const;

  // True: exactly one subcommand, or what there is instead of them, was given, and its options are written. False:
  // --help or --version was printed. Error: the command line is wrong; the message names the help to read.
  [[nodiscard]] Result<bool> parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace narrow::cli
