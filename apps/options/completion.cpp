#include "apps/options/completion.h"

#include <algorithm>

#include "apps/text/words.h"

namespace narrow::cli {

namespace {

// The first sentence, or what is before the first line break: enough for one line of a menu.
std::string first_words(const std::string& help) {
  const std::size_t end = std::min(help.find('\n'), std::min(help.find("; "), help.find(". ")));
  return help.substr(0, end);
}

// `text` within single quotes of a shell. Within them bash and zsh have no escape, so a quote ends them; fish has one.
std::string quoted(const std::string& text, bool fish = false) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += fish ? "\\'" : "'\\''";
    } else if (fish && c == '\\') {
      out += "\\\\";
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string names_of(const std::vector<CommandText>& commands) {
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const CommandText& command : commands) names.push_back(command.name);
  return join(names, " ");
}

std::string bash_text(const std::vector<CommandText>& commands) {
  std::string cases;
  for (const CommandText& command : commands) {
    std::vector<std::string> names;
    for (const OptionText& option : command.options) {
      if (option.positional) continue;
      names.insert(names.end(), option.names.begin(), option.names.end());
    }
    cases += "    " + command.name + ") words=" + quoted(join(names, " ")) + " ;;\n";
  }
  return "# bash completion of narrow; made by `narrow completion bash`.\n"
         "_narrow() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} words=\n"
         "  COMPREPLY=()\n"
         "  if [[ $COMP_CWORD == 1 ]]; then\n"
         "    COMPREPLY=($(compgen -W " +
         quoted(names_of(commands) + " --help --version") +
         " -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n"
         "    help | manual) COMPREPLY=($(compgen -W " +
         quoted(names_of(commands)) +
         " -- \"$word\")); return ;;\n"
         "    completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")); return ;;\n" +
         cases +
         "  esac\n"
         "  # What is no option is a file, or the value of an option, which readline completes as a file.\n"
         "  [[ $word == -* ]] && COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -o default -F _narrow narrow\n";
}

// A description within an entry of _arguments or _describe: brackets and colons have a meaning there.
std::string zsh_description(const std::string& help) {
  std::string out;
  for (const char c : first_words(help)) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_text(const std::vector<CommandText>& commands) {
  std::string list;
  std::string cases;
  for (const CommandText& command : commands) {
    list += "    " + quoted(command.name + ":" + zsh_description(command.description)) + "\n";
    cases += "    " + command.name + ")\n      _arguments";
    for (const OptionText& option : command.options) {
      if (option.positional) continue;
      for (const std::string& name : option.names) {
        const std::string entry = "*" + name + "[" + zsh_description(option.help) + "]";
        cases += " \\\n        " + quoted(option.value.empty() ? entry : entry + ":" + option.value + ":_files");
      }
    }
    cases += " \\\n        '*:file:_files'\n      ;;\n";
  }
  return "#compdef narrow\n"
         "# zsh completion of narrow; made by `narrow completion zsh`.\n"
         "_narrow() {\n"
         "  local -a commands\n"
         "  commands=(\n" +
         list +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  local command=$words[2]\n"
         "  shift words\n"
         "  ((CURRENT--))\n"
         "  case $command in\n"
         "    help | manual) _describe command commands ;;\n"
         "    completion) _values shell bash zsh fish ;;\n" +
         cases +
         "  esac\n"
         "}\n"
         "_narrow \"$@\"\n";
}

std::string fish_text(const std::vector<CommandText>& commands) {
  std::string out =
      "# fish completion of narrow; made by `narrow completion fish`.\n"
      "complete -c narrow -n __fish_use_subcommand -l help -d 'Print the help'\n"
      "complete -c narrow -n __fish_use_subcommand -l version -d 'Print the version'\n";
  for (const CommandText& command : commands) {
    out += "complete -c narrow -f -n __fish_use_subcommand -a " + command.name + " -d " +
           quoted(first_words(command.description), true) + "\n";
    for (const OptionText& option : command.options) {
      if (option.positional) continue;
      out += "complete -c narrow -n '__fish_seen_subcommand_from " + command.name + "'";
      for (const std::string& name : option.names) {
        out += name.rfind("--", 0) == 0 ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      if (!option.value.empty()) out += " -r";
      out += " -d " + quoted(first_words(option.help), true) + "\n";
    }
  }
  out += "complete -c narrow -f -n '__fish_seen_subcommand_from help manual' -a " + quoted(names_of(commands), true) +
         "\ncomplete -c narrow -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
  return out;
}

}  // namespace

std::optional<Shell> find_shell(const std::string& name) {
  if (name == "bash") return Shell::kBash;
  if (name == "zsh") return Shell::kZsh;
  if (name == "fish") return Shell::kFish;
  return std::nullopt;
}

std::string completion_text(Shell shell, const std::vector<CommandText>& commands) {
  std::vector<CommandText> others;  // what the scripts themselves know more of
  for (const CommandText& command : commands) {
    const bool known = command.name == "help" || command.name == "manual" || command.name == "completion";
    others.push_back(known && shell != Shell::kFish ? CommandText{command.name, command.description, "", {}} : command);
  }
  switch (shell) {
    case Shell::kZsh:
      return zsh_text(others);
    case Shell::kFish:
      return fish_text(others);
    case Shell::kBash:
      break;
  }
  return bash_text(others);
}

}  // namespace narrow::cli
