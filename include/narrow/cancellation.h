// Ends work that another thread is doing.
#pragma once

#include "narrow/detail/needs_cxx20.h"

#include <atomic>
#include <chrono>
#include <limits>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// Given to work in its options; it must outlive the work. The work ends soon after cancel() with the error kCancelled,
// and so does work that starts later, until reset(). All methods may be called by several threads, and cancel() by a
// signal handler.
class Cancellation {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  // Cancels by itself at a time of the monotonic clock. Each call replaces the time of the one before.
  void cancel_at(std::chrono::steady_clock::time_point deadline) noexcept {
    deadline_.store(deadline.time_since_epoch().count(), std::memory_order_relaxed);
  }
  // Not cancelled, and without a deadline.
  void reset() noexcept {
    deadline_.store(kNever, std::memory_order_relaxed);
    cancelled_.store(false, std::memory_order_relaxed);
  }
  // Reads the clock only if there is a deadline.
  [[nodiscard]] bool cancelled() const noexcept {
    if (cancelled_.load(std::memory_order_relaxed)) return true;
    const Ticks deadline = deadline_.load(std::memory_order_relaxed);
    return deadline != kNever && std::chrono::steady_clock::now().time_since_epoch().count() >= deadline;
  }

 private:
  using Ticks = std::chrono::steady_clock::rep;
  static constexpr Ticks kNever = std::numeric_limits<Ticks>::max();
  std::atomic<bool> cancelled_{false};
  std::atomic<Ticks> deadline_{kNever};
  static_assert(std::atomic<Ticks>::is_always_lock_free);
  static_assert(std::atomic<bool>::is_always_lock_free);
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
