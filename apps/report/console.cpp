#include "apps/report/console.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "apps/report/json.h"
#include "apps/text/words.h"
#include "apps/text/wrap.h"

namespace narrow::cli {
namespace {

std::string& program() {
  static std::string name = "narrow";
  return name;
}

}  // namespace

void Console::set_program(std::string name) { program() = std::move(name); }

void Console::write(std::string_view text) {
  if (write_error_ != 0) return;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) write_error_ = errno != 0 ? errno : EIO;
}

void Console::print(std::string_view text) {
  if (json_) return;
  const std::string fitting = with_broken_lines(text, terminal_.columns);
  text = fitting;
  if (!terminal_.colours) return write(printable(text));
  // The styles of tables stay; all other escapes come from outside.
  std::string shown;
  while (!text.empty()) {
    const std::string_view sequence = style_sequence(text);
    if (!sequence.empty()) {
      shown += sequence;
      text.remove_prefix(sequence.size());
    }
    const std::size_t end = std::min(text.find('\x1b', sequence.empty() ? 1 : 0), text.size());
    shown += printable(text.substr(0, end));
    text.remove_prefix(end);
  }
  write(shown);
}

void Console::result(std::string_view document) {
  if (json_) write(document);
}

bool Console::stream(std::string_view text) {
  write(text);
  errno = 0;
  if (std::fflush(stdout) != 0 && write_error_ == 0) write_error_ = errno != 0 ? errno : EIO;
  return write_error_ == 0;
}

void Console::report(const Error& error) {
  const Error shown{error.code, error.message, name_text(error.where)};
  const std::string text = program() + ": " + printable(shown.text()) + "\n";
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Console::note(std::string_view text) {
  const std::string line = program() + ": note: " + printable(text) + "\n";
  std::fflush(stdout);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

int Console::fail(const Error& error, ExitCode code) {
  report(error);
  result(error_json(error, code));
  return code;
}

Status Console::flush() {
  errno = 0;
  if (std::fflush(stdout) != 0 && write_error_ == 0) write_error_ = errno != 0 ? errno : EIO;
  if (write_error_ == 0 || write_error_ == EPIPE) return {};
  return Error{ErrorCode::kIo, std::strerror(write_error_), "standard output"};
}

}  // namespace narrow::cli
