// Runs the parallel parts of a session.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <functional>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// Runs the parallel parts of a session. Implement it to use your own thread pool.
//
// All sessions of a process share the helper threads of the built-in executor. They sleep when there is no work. A
// session with `threads` of 3 runs on its calling thread and up to two helpers. When sessions run concurrently, the
// first takes the helpers; the others use only their calling thread until helpers are free. The number of helpers is
// that of the session with the most threads. They end with the last session. Sessions that were created under different
// CPU affinities share no helpers, because threads inherit the affinity.
class Executor {
 public:
  virtual ~Executor() = default;
  // The number of tasks that can run at the same time, >= 1. It must not change.
  [[nodiscard]] virtual int concurrency() const = 0;
  // Calls task(i, slot) once for every i in [0, count) and returns when all calls have returned. slot is in
  // [0, concurrency()). Two calls at the same time have different slots. task does not throw.
  virtual void parallel_for(int count, const std::function<void(int index, int slot)>& task) = 0;
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
