#include "apps/options/manual.h"

#include <algorithm>
#include <cctype>

#include "apps/text/words.h"
#include "narrow/version.h"

namespace narrow::cli {

namespace {

// A line that begins with a dot or a quote would be a request; minus signs would become hyphens.
std::string escaped(const std::string& text) {
  std::string out;
  bool at_begin = true;
  for (const char c : text) {
    if (at_begin && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
    at_begin = c == '\n';
  }
  return out;
}

std::string head(const std::string& page, const std::string& summary) {
  std::string upper = page;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return std::toupper(c); });
  return ".TH " + escaped(upper) + " 1 \"\" \"narrow " + std::string(version()) + "\" \"Narrow\"\n.SH NAME\n" +
         escaped(page) + " \\- " + escaped(summary) + "\n";
}

std::string names_text(const OptionText& option) {
  std::vector<std::string> bold;
  for (const std::string& name : option.names) bold.push_back("\\fB" + escaped(name) + "\\fR");
  return join(bold, ", ") + (option.value.empty() ? "" : " \\fI" + escaped(option.value) + "\\fR");
}

// Options or positional ones, as paragraphs.
std::string options_text(const CommandText& command, bool positional) {
  std::string out;
  for (const OptionText& option : command.options) {
    if (option.positional != positional) continue;
    out += ".TP\n" + (positional ? "\\fI" + escaped(option.names.front()) + "\\fR" : names_text(option)) + "\n" +
           escaped(option.help) + "\n";
  }
  return out;
}

std::string command_page(const CommandText& command) {
  std::string out = head("narrow-" + command.name, command.description);
  out += ".SH SYNOPSIS\n.B narrow " + escaped(command.name) + "\n[\\fIOPTIONS\\fR]";
  for (const OptionText& option : command.options) {
    if (option.positional) out += " \\fI" + escaped(option.names.front()) + "\\fR";
  }
  out += "\n";
  if (const std::string arguments = options_text(command, true); !arguments.empty()) {
    out += ".SH ARGUMENTS\n" + arguments;
  }
  out += ".SH OPTIONS\n" + options_text(command, false);
  if (!command.examples.empty()) out += ".SH EXAMPLES\n.nf\n" + escaped(command.examples) + "\n.fi\n";
  return out + ".SH SEE ALSO\n.BR narrow (1)\n";
}

}  // namespace

std::string manual_text(const std::string& name, const std::string& description,
                        const std::vector<CommandText>& commands) {
  for (const CommandText& command : commands) {
    if (command.name == name) return command_page(command);
  }
  std::string out = head("narrow", "integer inference for image-classification networks on x86 and ARM CPUs");
  out += ".SH SYNOPSIS\n.B narrow\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH DESCRIPTION\n" +
         escaped(description.substr(std::min(description.find("\n\n"), description.size()))) + "\n.SH COMMANDS\n";
  for (const CommandText& command : commands) {
    out += ".TP\n\\fB" + escaped(command.name) + "\\fR\n" + escaped(command.description) + "\n";
  }
  out +=
      ".SH EXIT STATUS\n"
      "0: success. 1: the work failed. 2: the command line is wrong. 3: some images of classify could not be read.\n"
      ".SH ENVIRONMENT\n.TP\n\\fBNARROW_ISA\\fR\nThe instruction set where \\-\\-isa names "
      "none.\n.TP\n\\fBNARROW_CORE\\fR\nThe CPU core by whose costs "
      "kernels are chosen: zen3, zen4 or zen5. It has no influence on ARM.\n.SH SEE ALSO\n";
  std::vector<std::string> pages;
  pages.reserve(commands.size());
  for (const CommandText& command : commands) pages.push_back(".BR narrow\\-" + escaped(command.name) + " (1)");
  return out + join(pages, ",\n") + "\n";
}

}  // namespace narrow::cli
