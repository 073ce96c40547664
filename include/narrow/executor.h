// Where the parallel parts of a session run.
#pragma once

#include <functional>

namespace narrow {

// Runs the parallel parts of a session. Implement it to use your own pool. The built-in one has helper threads that all
// sessions of the process share and that sleep when there is nothing to do: a session with `threads` of 3 has its
// caller and up to two helpers at work. Of sessions that run at the same time the first one there gets the helpers; the
// others run on their callers alone until helpers are free. It has as many helpers as the session with most threads
// wants, and ends with the last session. (Sessions created under different CPU affinities share nothing, because
// threads inherit them.)
class Executor {
 public:
  virtual ~Executor() = default;
  // Number of tasks that can run at the same time, >= 1. Constant.
  [[nodiscard]] virtual int concurrency() const = 0;
  // Calls task(i, slot) once for every i in [0, count) and returns when all have returned. `slot` is in
  // [0, concurrency()) and no two calls at the same time share one. task does not throw.
  virtual void parallel_for(int count, const std::function<void(int index, int slot)>& task) = 0;
};

}  // namespace narrow
