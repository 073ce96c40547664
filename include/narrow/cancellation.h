// Ends work that another thread is doing.
#pragma once

#include <atomic>

#include "narrow/detail/visibility_begin.h"

namespace narrow {

// Given to work in its options; it must outlive the work. The work ends soon after cancel() with the error kCancelled,
// and so does work that starts later, until reset(). All methods may be called by several threads, and cancel() by a
// signal handler.
class Cancellation {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  void reset() noexcept { cancelled_.store(false, std::memory_order_relaxed); }
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
  static_assert(std::atomic<bool>::is_always_lock_free);
};

}  // namespace narrow

#include "narrow/detail/visibility_end.h"
