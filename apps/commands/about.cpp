// narrow help, version, completion, manual: the command about itself, made from what --help is made from.
#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "apps/commands/commands.h"
#include "apps/options/completion.h"
#include "apps/options/manual.h"
#include "apps/text/help_topics.h"
#include "apps/text/nearest.h"
#include "apps/text/words.h"
#include "base/try.h"
#include "narrow/version.h"

namespace narrow::cli {

namespace {

constexpr const char* kCompletionExamples =
    "Examples:\n"
    "  narrow completion bash > ~/.local/share/bash-completion/completions/narrow\n"
    "  narrow completion zsh > \"${fpath[1]}/_narrow\"\n"
    "  narrow completion fish > ~/.config/fish/completions/narrow.fish\n"
    "\n"
    "An installation (cmake --install) has these files already.";

// The topics of what this command can do.
std::vector<HelpTopic> topics_of(const CommandLine& line) {
  const std::vector<CommandText> commands = line.commands();
  const bool can_quantize = std::any_of(commands.begin(), commands.end(),
                                        [](const CommandText& command) { return command.name == "quantize"; });
  std::vector<HelpTopic> topics;
  std::copy_if(help_topics().begin(), help_topics().end(), std::back_inserter(topics),
               [&](const HelpTopic& topic) { return can_quantize || topic.of_models; });
  return topics;
}

Result<std::string> help_about(const CommandLine& line, const std::string& name) {
  const std::vector<HelpTopic> topics = topics_of(line);
  if (name == "topics") {
    std::string text = "narrow help TOPIC explains:\n\n";
    for (const HelpTopic& topic : topics)
      text += format("  %-15s", std::string(topic.name).c_str()) + std::string(topic.about) + "\n";
    return text;
  }
  std::vector<std::string> words;
  for (const HelpTopic& topic : topics) {
    if (topic.name == name) return std::string(topic.text);
    words.emplace_back(topic.name);
  }
  Result<std::string> of_command = line.help(name);
  if (of_command.ok()) return of_command;
  Error error = std::move(of_command).error();
  if (error.message.find("did you mean") == std::string::npos) {
    error.message.insert(std::min(error.message.find("; the commands are"), error.message.size()),
                         did_you_mean(name, words));
  }
  error.message += "; topics are " + join(words, ", ");
  return error;
}

Command add_help(CommandLine& line) {
  auto name = std::make_shared<std::string>();
  const Subcommand command = line.add("help", "Print the help of a command, or of a topic",
                                      "Examples:\n"
                                      "  narrow help quantize    the same as narrow quantize --help\n"
                                      "  narrow help topics      what else is explained");
  command.add("COMMAND", *name, "The command or the topic; without it, all commands are listed");
  return {command, std::make_shared<bool>(false), [name, &line](Console& console) {
            const Result<std::string> text = help_about(line, *name);
            if (!text.ok()) return console.fail(text.error(), kUsage);
            console.print(*text);
            return static_cast<int>(kSuccess);
          }};
}

Command add_version(CommandLine& line) {
  const Subcommand command =
      line.add("version", "Print the version", "Examples:\n  narrow version    the same as narrow --version");
  return {command, std::make_shared<bool>(false), [](Console& console) {
            console.print("narrow " + std::string(version()) + built_commands().kind + "\n");
            return static_cast<int>(kSuccess);
          }};
}

Command add_completion(CommandLine& line) {
  auto shell = std::make_shared<std::string>();
  const Subcommand command =
      line.add("completion", "Print the completion of commands and options for a shell", kCompletionExamples);
  command.add("SHELL", *shell, "bash, zsh or fish").required().check([](const std::string& text) {
    return find_shell(text) ? std::string() : "'" + text + "' is no shell that is known here; valid: bash, zsh, fish";
  });
  return {command, std::make_shared<bool>(false), [shell, &line](Console& console) {
            console.print(completion_text(find_shell(*shell).value_or(Shell::kBash), line.commands()));
            return static_cast<int>(kSuccess);
          }};
}

Command add_manual(CommandLine& line) {
  auto name = std::make_shared<std::string>();
  const Subcommand command = line.add("manual", "Print a page of the manual, as man reads it",
                                      "Examples:\n"
                                      "  narrow manual quantize | man -l -     reads it\n"
                                      "  narrow manual > narrow.1              writes the page of the whole command");
  command.add("COMMAND", *name, "The command; without it, the page that lists them");
  return {command, std::make_shared<bool>(false), [name, &line](Console& console) {
            const Result<std::string> text = line.help(*name);
            if (!text.ok()) return console.fail(text.error(), kUsage);
            console.print(manual_text(*name, built_commands().description, line.commands()));
            return static_cast<int>(kSuccess);
          }};
}

}  // namespace

std::vector<Command> add_about(CommandLine& line) {
  return {add_help(line), add_version(line), add_completion(line), add_manual(line)};
}

std::vector<Command> with_about(CommandLine& line, std::vector<Command> commands) {
  std::vector<Command> about = add_about(line);
  commands.insert(commands.end(), std::make_move_iterator(about.begin()), std::make_move_iterator(about.end()));
  return commands;
}

}  // namespace narrow::cli
