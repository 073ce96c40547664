// Subcommands and their options. The library that parses them takes seconds to compile and is known to command_line.cpp
// alone.
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

// What is wrong with the text of a value, as a whole sentence; empty: nothing.
using Check = std::function<std::string(const std::string& text)>;

// An option of a subcommand. Copies stand for the same option.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  const Option& required() const;
  const Option& check(Check check) const;
  // How the value is called in --help: "FILE".
  const Option& type_name(const std::string& name) const;
  // The heading in --help that the option stands under.
  const Option& group(const std::string& heading) const;
  // Takes one value each time it is given, where it otherwise takes all that follow. For options that may be repeated.
  const Option& one_value() const;
  // Giving both is an error.
  const Option& excludes(const Option& other) const;

  [[nodiscard]] bool given() const;        // on the command line; known after parsing
  [[nodiscard]] std::string name() const;  // "--batch"

 private:
  CLI::Option* option_;
};

class Subcommand {
 public:
  explicit Subcommand(CLI::App* app) : app_(app) {}

  // names: "--batch", "-o,--output", or, for a positional one, "MODEL". `value` is written when the command line is
  // parsed, and must live until then.
  Option add(const std::string& names, std::string& value, const std::string& help) const;
  Option add(const std::string& names, std::vector<std::string>& value, const std::string& help) const;
  Option add(const std::string& names, int& value, const std::string& help) const;
  Option add(const std::string& names, std::uint64_t& value, const std::string& help) const;
  Option add(const std::string& names, double& value, const std::string& help) const;
  Option add_flag(const std::string& names, bool& value, const std::string& help) const;

  [[nodiscard]] bool given() const;  // known after parsing
  [[nodiscard]] std::string name() const;

 private:
  CLI::App* app_;
};

class CommandLine {
 public:
  // description and footer: of --help. version: what --version prints.
  CommandLine(const std::string& description, const std::string& footer, const std::string& version);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  // examples: at the end of its --help.
  [[nodiscard]] Subcommand add(const std::string& name, const std::string& description, const std::string& examples);

  // True: exactly one subcommand was given, and its options are written. False: --help or --version was printed.
  // Error: the command line is wrong; the message says where help is.
  [[nodiscard]] Result<bool> parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace narrow::cli
