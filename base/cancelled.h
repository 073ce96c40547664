// Where work ends early.
#pragma once

#include <atomic>

#include "narrow/cancellation.h"
#include "narrow/result.h"

namespace narrow::base {

[[nodiscard]] inline Error cancelled_error() { return {ErrorCode::kCancelled, "was cancelled", "quantize"}; }

// The error of cancelled work; asked for at least every 50 ms. cancellation: may be null.
[[nodiscard]] inline Status check_cancelled(const Cancellation* cancellation) {
  if (cancellation == nullptr || !cancellation->cancelled()) return {};
  return cancelled_error();
}

// For loops that leave work undone and say so at their end: once cancelled, it stays so, whatever becomes of the
// Cancellation meanwhile. Several threads may use it.
class CancelLatch {
 public:
  explicit CancelLatch(const Cancellation* cancellation) : cancellation_(cancellation) {}
  // Whether the rest may be left undone.
  [[nodiscard]] bool seen() {
    if (seen_.load(std::memory_order_relaxed)) return true;
    if (cancellation_ == nullptr || !cancellation_->cancelled()) return false;
    seen_.store(true, std::memory_order_relaxed);
    return true;
  }
  // The error, if anything was left undone.
  [[nodiscard]] Status status() const {
    if (!seen_.load(std::memory_order_relaxed)) return {};
    return cancelled_error();
  }

 private:
  const Cancellation* cancellation_;
  std::atomic<bool> seen_{false};
};

}  // namespace narrow::base
