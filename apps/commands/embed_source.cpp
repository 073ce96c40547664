// narrow embed-source: a model as C++ source, to be linked into a program.
#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <span>
#include <string_view>
#include <utility>

#include "apps/commands/commands.h"
#include "apps/files/output_file.h"
#include "apps/files/output_names.h"
#include "apps/options/options.h"
#include "apps/report/bundle_report.h"
#include "apps/run/model_bytes.h"
#include "apps/text/words.h"
#include "base/try.h"

namespace narrow::cli {

namespace {

constexpr std::string_view kSourceBegin = "// Written by narrow embed-source";

struct EmbedSourceFlags {
  std::string model;
  std::string output;
  std::string function;  // empty: named as the file
};

bool is_word_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Words of C++20 that can't be names, and main, which a program defines itself.
constexpr auto kKeywords =
    std::to_array<std::string_view>({"alignas",      "alignof",      "and",           "and_eq",
                                     "asm",          "auto",         "bitand",        "bitor",
                                     "bool",         "break",        "case",          "catch",
                                     "char",         "char16_t",     "char32_t",      "char8_t",
                                     "class",        "co_await",     "co_return",     "co_yield",
                                     "compl",        "concept",      "const",         "const_cast",
                                     "consteval",    "constexpr",    "constinit",     "continue",
                                     "decltype",     "default",      "delete",        "do",
                                     "double",       "dynamic_cast", "else",          "enum",
                                     "explicit",     "export",       "extern",        "false",
                                     "float",        "for",          "friend",        "goto",
                                     "if",           "inline",       "int",           "long",
                                     "main",         "mutable",      "namespace",     "new",
                                     "noexcept",     "not",          "not_eq",        "nullptr",
                                     "operator",     "or",           "or_eq",         "private",
                                     "protected",    "public",       "register",      "reinterpret_cast",
                                     "requires",     "return",       "short",         "signed",
                                     "sizeof",       "static",       "static_assert", "static_cast",
                                     "struct",       "switch",       "template",      "this",
                                     "thread_local", "throw",        "true",          "try",
                                     "typedef",      "typeid",       "typename",      "union",
                                     "unsigned",     "using",        "virtual",       "void",
                                     "volatile",     "wchar_t",      "while",         "xor",
                                     "xor_eq"});

Check identifier() {
  return [](const std::string& text) -> std::string {
    const bool first = !text.empty() && std::isdigit(static_cast<unsigned char>(text.front())) == 0;
    // Names with two underscores, or that begin with one, belong to the compiler.
    const bool free = !text.starts_with('_') && text.find("__") == std::string::npos;
    if (first && free && std::all_of(text.begin(), text.end(), is_word_letter)) {
      if (std::find(kKeywords.begin(), kKeywords.end(), text) == kKeywords.end()) return {};
      return "'" + text + "' is a word of C++; give another name, such as " + text + "_model";
    }
    return "'" + text + "' is no name of a function: letters, digits and single underscores, the first a letter";
  };
}

// "res-net 20.nrw": "res_net_20_model".
std::string function_name(const std::string& model) {
  std::string name;
  for (const char c : std::filesystem::path(model).stem().string() + "_model") {
    const bool fits = is_word_letter(c) && c != '_';
    if (fits) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  const bool digit = std::isdigit(static_cast<unsigned char>(name.front())) != 0;
  return digit ? "model_" + name : name;
}

// The bytes as string literals, which compilers read faster than numbers by orders of magnitude, in lines of about 100
// characters. Octal escapes of three digits end where they should, whatever follows; '?' could begin a trigraph.
std::string literals(std::span<const std::byte> bytes) {
  constexpr std::size_t kColumns = 100;
  constexpr std::string_view kLineBegin = "    \"";
  std::string text;
  text.reserve(bytes.size() * 4);
  std::size_t line_begin = 0;
  text += kLineBegin;
  for (const std::byte byte : bytes) {
    if (text.size() - line_begin >= kColumns) {
      text += "\"\n";
      line_begin = text.size();
      text += kLineBegin;
    }
    const auto c = static_cast<unsigned char>(byte);
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\' && c != '?') {
      text += static_cast<char>(c);
    } else {
      text += '\\';
      for (const int shift : {6, 3, 0}) text += static_cast<char>('0' + ((c >> shift) & 7));
    }
  }
  return text + "\"";
}

std::string source_text(const std::string& model, const std::string& function, std::span<const std::byte> bytes) {
  return std::string(kSourceBegin) + " from " + model + ", " + bytes_text(bytes.size()) +
         ". A program compiles this file, links\n"
         "// narrow::runtime (CMake) or narrow (pkg-config), and declares and calls the function:\n"
         "//\n"
         "//   #include \"narrow/model.h\"\n"
         "//   narrow::Result<narrow::Model> " +
         function +
         "();\n"
         "//\n"
         "// The weights are read where they are, without a copy.\n"
         "#include <cstddef>\n"
         "#include <span>\n"
         "\n"
         "#include \"narrow/model.h\"\n"
         "\n"
         "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n"
         "\n"
         "namespace {\n"
         "\n"
         "alignas(64) constexpr char kModel[] =\n" +
         literals(bytes) +
         ";\n"
         "\n"
         "}  // namespace\n"
         "\n"
         "narrow::Result<narrow::Model> " +
         function +
         "();\n"
         "narrow::Result<narrow::Model> " +
         function +
         "() {\n"
         "  // Without the zero that ends a string.\n"
         "  return narrow::Model::view(std::as_bytes(std::span(kModel, sizeof(kModel) - 1)), \"" +
         function +
         "\");\n"
         "}\n";
}

Result<int> embed_source(const EmbedSourceFlags& flags, Console& console) {
  NARROW_TRY(check_not_an_input(flags.output, {flags.model}));
  NARROW_TRY(check_replaces_own(flags.output, kSourceBegin, "a file of narrow embed-source"));
  NARROW_TRY(check_output_name(flags.output, OutputKind::kSource));
  NARROW_ASSIGN(const ModelBytes model, read_model_bytes(flags.model));
  const std::string function = flags.function.empty() ? function_name(flags.model) : flags.function;
  const std::string name = name_text(std::filesystem::path(flags.model).filename().string());
  const std::string text = source_text(name, function, model.bytes);
  NARROW_ASSIGN(OutputFile file, OutputFile::create(flags.output));
  NARROW_TRY(file.write(std::as_bytes(std::span(text))));
  NARROW_TRY(file.commit());
  const EmbedSourceReport report{flags.model, flags.output, function, model.bytes.size()};
  console.print(embed_source_text(report));
  console.result(embed_source_json(report));
  return kSuccess;
}

constexpr const char* kEmbedSourceExamples =
    "Examples:\n"
    "  narrow embed-source birds.nrw -o birds.cpp     birds_model() returns the model\n"
    "  narrow embed-source birds.nrw -o birds.cpp --function the_birds\n"
    "\n"
    "The file includes the public headers alone. Its source is about three times as large as the model, and compiles "
    "in\n"
    "about a second for each 5 MB of model.";

}  // namespace

Command add_embed_source(CommandLine& line) {
  auto flags = std::make_shared<EmbedSourceFlags>();
  auto json = std::make_shared<bool>(false);
  const Subcommand command =
      line.add("embed-source", "Write a model as C++ source, to be linked into a program", kEmbedSourceExamples);
  command.add("MODEL", flags->model, "A .nrw file").required();
  command.add("-o,--output", flags->output, "The C++ source to write").required().type_name("FILE");
  command.add("--function", flags->function, "The name of the function; default: that of the file with _model")
      .check(identifier())
      .type_name("NAME");
  add_json_option(command, *json);
  return {command, json, [flags](Console& console) { return finish(console, embed_source(*flags, console)); }};
}

}  // namespace narrow::cli
