#include "apps/report/progress.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "apps/text/words.h"

namespace narrow::cli {

namespace {

constexpr std::chrono::milliseconds kQuietTime{2000};
constexpr std::chrono::milliseconds kBetweenUpdates{100};

bool can_erase_lines() {
  const char* terminal = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

}  // namespace

Progress::Progress(std::string what) : what_(std::move(what)), terminal_(can_erase_lines()) {}

void Progress::start(const std::string& what) {
  if (what == what_) return;
  erase();
  what_ = what;
  start_ = last_ = Clock::now();
}

void Progress::update(std::size_t done, std::size_t total) {
  const Clock::time_point now = Clock::now();
  if (!terminal_ || now - start_ < kQuietTime || now - last_ < kBetweenUpdates) return;
  last_ = now;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::string line = format("\r\x1b[K%s %zu", what_.c_str(), done);
  if (total > 0) line += format(" of %zu", total);
  // Percent are no things that have a rate.
  if (done > 0 && !what_.ends_with("percent")) line += format(", %.3g per second", static_cast<double>(done) / seconds);
  if (done > 0 && done < total) {
    const double left = seconds * static_cast<double>(total - done) / static_cast<double>(done);
    line += format(", about %.0f s left", left);
  }
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

void Progress::erase() {
  if (!shown_) return;
  std::fputs("\r\x1b[K", stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace narrow::cli
