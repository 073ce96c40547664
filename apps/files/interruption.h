// What the process leaves and says when SIGINT (Ctrl-C), SIGTERM or SIGHUP ends it.
#pragma once

#include <array>
#include <csignal>
#include <string>

namespace narrow::cli {

inline constexpr std::array<int, 3> kInterruptions = {SIGINT, SIGTERM, SIGHUP};

// While it exists, these signals wait for this thread.
class [[gnu::visibility("hidden")]] HeldInterruptions {  // as sigset_t is
 public:
  HeldInterruptions();
  HeldInterruptions(const HeldInterruptions&) = delete;
  HeldInterruptions& operator=(const HeldInterruptions&) = delete;
  ~HeldInterruptions();

 private:
  sigset_t before_{};
};

// From now on such a signal removes the temporary files and folders of all outputs that are not committed, prints
// "PROGRAM: interrupted; TEXT" on stderr, and ends the process as the signal does where nothing handles it. A signal
// that the parent ignores (nohup) stays ignored.
void handle_interruptions();

// How to go on: "the same command starts anew". Replaces the text of an earlier call. Nothing is printed before the
// first one. Not to be called by several threads at once.
void say_when_interrupted(const std::string& text);
// The name before it; "narrow" unless set.
void set_interrupted_program(std::string name);

}  // namespace narrow::cli
