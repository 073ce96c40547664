// The time of the calling thread, so that other load counts little.
#pragma once

#include <ctime>

namespace narrow::measure {

// Seconds for which the calling thread has run.
[[nodiscard]] inline double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace narrow::measure
