// Sets how many threads oneDNN uses.
#pragma once

namespace narrow::graph {

// Sets the number of OpenMP threads of parallel regions that this thread starts, until the end of the scope. Other
// threads are not affected: the OpenMP standard keeps the number per thread that starts regions.
class ScopedOpenMpThreads {
 public:
  explicit ScopedOpenMpThreads(int threads);
  ~ScopedOpenMpThreads();
  ScopedOpenMpThreads(const ScopedOpenMpThreads&) = delete;
  ScopedOpenMpThreads& operator=(const ScopedOpenMpThreads&) = delete;

 private:
  int before_ = 0;
};

}  // namespace narrow::graph
