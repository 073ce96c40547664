// What describes the command itself: help, version, completion and the manual say what --help says.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/apps/command.h"
#include "tests/support/data.h"
#include "tests/support/text.h"

using narrow::testing::has;
using narrow::testing::narrow_command;
using narrow::testing::Ran;

namespace {

bool there(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}

// What `shell` prints for a script.
std::string printed(const std::string& shell, const std::string& script) {
  const narrow::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "script").string();
  std::ofstream(path) << script;
  const std::string out = (folder.path() / "out").string();
  const int code = std::system((shell + " " + path + " > " + out + " 2>&1").c_str());
  std::ifstream file(out);
  std::string text(std::istreambuf_iterator<char>(file), {});
  CHECK_MESSAGE(code == 0, text);
  return text;
}

std::string completion(const std::string& shell) {
  const Ran ran = narrow_command({"completion", shell});
  REQUIRE(ran.exit_code == 0);
  CHECK(ran.err.empty());
  return ran.out;
}

}  // namespace

TEST_CASE("narrow help X and narrow version print what --help and --version print") {
  CHECK(narrow_command({"help"}).out == narrow_command({"--help"}).out);
  CHECK(narrow_command({"help", "quantize"}).out == narrow_command({"quantize", "--help"}).out);
  CHECK(narrow_command({"version"}).out == narrow_command({"--version"}).out);
  const Ran unknown = narrow_command({"help", "quantise"});
  CHECK(unknown.exit_code == 2);
  CHECK(has(unknown.err, "did you mean 'quantize'?"));
  CHECK(has(unknown.err, "operators"));
}

TEST_CASE("narrow help explains topics, and every option and command that they name is there") {
  const std::string list = narrow_command({"help", "topics"}).out;
  std::string options;
  for (const char* command : {"quantize", "classify", "sweep", "report", "compare", "trace", "evaluate"}) {
    options += narrow_command({command, "--help-all"}).out;
  }
  const std::string commands = narrow_command({"help"}).out;
  for (const std::string topic : {"pictures", "preprocessing", "calibration", "bits", "differences"}) {
    CAPTURE(topic);
    CHECK(has(list, "\n  " + topic + " "));
    const Ran ran = narrow_command({"help", topic});
    CHECK(ran.exit_code == 0);
    std::istringstream words(ran.out);
    std::string before;
    for (std::string word; words >> word; before = word) {
      word.erase(word.find_last_not_of(".,;:)") + 1);
      if (word.starts_with("--") && word != "--help-all") CHECK_MESSAGE(has(options, word), word);
      if (before == "narrow") CHECK_MESSAGE(has(commands, "\n  " + word + " "), word);
    }
    std::istringstream lines(ran.out);
    for (std::string line; std::getline(lines, line);) CHECK_MESSAGE(line.size() <= 80, line);
  }
  const Ran unknown = narrow_command({"help", "callibration"});
  CHECK(unknown.exit_code == 2);
  CHECK_MESSAGE(has(unknown.err, "did you mean 'calibration'?; the commands are"), unknown.err);
  CHECK(has(narrow_command({"help", "quantise"}).err, "topics are"));
}

TEST_CASE("bash completes commands, the options of a command, and no others") {
  if (!there("bash")) NARROW_SKIP("bash is not there");
  const std::string script = completion("bash");
  const auto completed = [&](const std::string& words, int at) {
    return printed("bash", script + "\nCOMP_WORDS=(narrow " + words + ")\nCOMP_CWORD=" + std::to_string(at) +
                               "\n_narrow\necho \"${COMPREPLY[@]}\"\n");
  };
  CHECK(completed("quan", 1) == "quantize\n");
  CHECK(completed("quantize net.onnx --calib", 3) == "--calibrate --calibration-limit\n");
  CHECK(completed("inspect --calib", 2) == "\n");
  CHECK(completed("help conv", 2) == "convert\n");
  CHECK(completed("completion ", 2) == "bash zsh fish\n");
}

TEST_CASE("zsh and fish read their scripts") {
  const std::string zsh = completion("zsh");
  CHECK(zsh.rfind("#compdef narrow", 0) == 0);
  CHECK(has(zsh, "--calibrate["));
  const std::string fish = completion("fish");
  CHECK(has(fish, "-l calibrate"));
  if (there("zsh")) printed("zsh -n", zsh);
  if (there("fish")) printed("fish --no-execute", fish);
  const Ran unknown = narrow_command({"completion", "tcsh"});
  CHECK(unknown.exit_code == 2);
  CHECK(has(unknown.err, "bash, zsh, fish"));
}

TEST_CASE("the manual has a page for the command and for each of its commands, with every option") {
  const Ran page = narrow_command({"manual"});
  CHECK(page.exit_code == 0);
  for (const char* part : {".TH NARROW 1", "\\fBquantize\\fR", ".BR narrow\\-quantize (1)", "NARROW_ISA"}) {
    CHECK_MESSAGE(has(page.out, part), part);
  }
  const Ran quantize = narrow_command({"manual", "quantize"});
  for (const char* part : {".TH NARROW\\-QUANTIZE 1", "\\fB\\-\\-calibrate\\fR \\fIPICTURES\\fR",
                           "\\fB\\-o\\fR, \\fB\\-\\-output\\fR", ".SH EXAMPLES"}) {
    CHECK_MESSAGE(has(quantize.out, part), part);
  }
  CHECK(narrow_command({"manual", "nothing"}).exit_code == 2);
  if (!there("groff")) NARROW_SKIP("groff is not there, so no page was set");
  CHECK(printed("groff -man -ww -z", page.out).empty());
  CHECK(printed("groff -man -ww -z", quantize.out).empty());
}
