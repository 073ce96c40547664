// A line on the terminal that shows the progress of long work.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace narrow::cli {

// Shows "what done/total" on stderr if stderr is a terminal and the work has taken two seconds. The line is erased when
// the work is done and by the destructor. Used by one thread at a time.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // From now on the line is about other work; nothing happens if it is the same.
  void start(const std::string& what);
  // total: 0 where it is not known.
  void update(std::size_t done, std::size_t total);
  void erase();

 private:
  using Clock = std::chrono::steady_clock;
  std::string what_;
  bool terminal_;
  bool shown_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace narrow::cli
