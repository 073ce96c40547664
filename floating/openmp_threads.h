// How many threads oneDNN uses.
#pragma once

namespace narrow::graph {

// Sets the number of OpenMP threads that parallel regions started by this thread use, until the end of the scope. Other
// threads are not affected (the OpenMP standard keeps the number per thread that starts regions).
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
