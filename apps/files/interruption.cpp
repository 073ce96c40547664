#include "apps/files/interruption.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <list>
#include <string_view>
#include <utility>

#include "apps/files/output_file.h"
#include "apps/files/output_folder.h"

namespace narrow::cli {

namespace {

// A handler may not take locks or allocate. So the text is a plain C string, which stays there when another replaces
// it.
std::atomic<const char*> interrupted_text{nullptr};
static_assert(std::atomic<const char*>::is_always_lock_free);
std::string interrupted_program = "narrow";  // NOLINT: set once, before threads

void remove_files_and_end(int signal_number) {
  remove_unfinished_files();
  remove_unfinished_folder();
  if (const char* text = interrupted_text.load()) {
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text));
  }
  std::signal(signal_number, SIG_DFL);  // NOLINT(bugprone-signal-handler): POSIX lists signal() as safe
  ::raise(signal_number);               // NOLINT(bugprone-signal-handler): and raise()
}

// The line of a progress is in the way.
bool has_progress_line() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

HeldInterruptions::HeldInterruptions() {
  sigset_t handled;
  ::sigemptyset(&handled);
  for (const int number : kInterruptions) ::sigaddset(&handled, number);
  ::pthread_sigmask(SIG_BLOCK, &handled, &before_);
}

HeldInterruptions::~HeldInterruptions() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void handle_interruptions() {
  static const bool installed = [] {
    for (const int number : kInterruptions) {
      struct sigaction current = {};
      if (::sigaction(number, nullptr, &current) != 0 || current.sa_handler != SIG_DFL) continue;
      struct sigaction action = {};
      action.sa_handler = remove_files_and_end;
      ::sigemptyset(&action.sa_mask);
      ::sigaction(number, &action, nullptr);
    }
    return true;
  }();
  static_cast<void>(installed);
}

void say_when_interrupted(const std::string& text) {
  static std::list<std::string> texts;  // all of them: a signal may be reading one
  texts.push_back((has_progress_line() ? "\r\x1b[K" : "") + interrupted_program + ": interrupted; " + text + "\n");
  interrupted_text.store(texts.back().c_str());
  handle_interruptions();
}

void set_interrupted_program(std::string name) { interrupted_program = std::move(name); }

}  // namespace narrow::cli
