// All output of the command: text or one JSON document on stdout, errors on stderr.
#pragma once

#include <string>
#include <string_view>

#include "apps/report/exit_codes.h"
#include "apps/text/terminal.h"
#include "narrow/result.h"

namespace narrow::cli {

class Console {
 public:
  explicit Console(bool json) : json_(json) {}

  // The name before errors and notes; "narrow" unless set.
  static void set_program(std::string name);

  [[nodiscard]] bool json() const { return json_; }

  // Prints text on stdout, broken into lines that fit a terminal; nothing with --json. Control characters are replaced,
  // but for styles (apps/text/terminal.h) where stdout has colours.
  void print(std::string_view text);
  // Prints the result as a JSON document on stdout; nothing without --json. Called at most once in a run.
  void result(std::string_view document);
  // Writes text on stdout as it is, also with --json, and flushes it. False: it can't be written, as where the reader
  // has closed the pipe.
  [[nodiscard]] bool stream(std::string_view text);
  // Prints "PROGRAM: where: message" on stderr.
  void report(const Error& error);
  // Prints "PROGRAM: note: text" on stderr.
  void note(std::string_view text);
  // As report(); with --json also {"error": ...} as the document on stdout. Returns `code`.
  int fail(const Error& error, ExitCode code = kFailure);
  // Writes what is buffered. A closed pipe is not an error.
  [[nodiscard]] Status flush();

 private:
  void write(std::string_view text);
  bool json_;
  Terminal terminal_ = output_terminal();
  int write_error_ = 0;  // errno of the first failed write
};

}  // namespace narrow::cli
