// Calls a function with every allocation failing in turn.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "narrow/result.h"
#include "tests/support/allocations/allocations.h"

namespace narrow::testing {

// Calls `work` until it needs no allocation that fails: one fails, or all from one on. `work` returns its error, if
// any, which must be kLimit. growth: of n allocations that succeed, the next call lets 1 + n / growth more succeed; 0:
// one more, so that each fails once. Returns the number of calls.
inline long fail_each(const std::function<Status()>& work, long growth = 0, bool spare_onednn = false) {
  long calls = 0;
  for (const bool for_ever : {false, true}) {
    for (long skipped = 0;; skipped += growth == 0 ? 1 : 1 + skipped / growth) {
      long failed = 0;
      Status status;
      {
        const FailingAllocations failing(skipped, for_ever, spare_onednn);
        status = work();
        failed = failing.failed();
      }
      ++calls;
      if (failed == 0) {
        CAPTURE(skipped);
        CAPTURE(status.error().text());
        CHECK(status.ok());
        break;
      }
      // A buffer that was not there may have been done without.
      if (status.ok()) continue;
      CAPTURE(skipped);
      CAPTURE(status.error().text());
      CHECK(status.error().code == ErrorCode::kLimit);
      CHECK_FALSE(status.error().text().empty());
    }
  }
  return calls;
}

template <class T>
Status status_of(Result<T> result) {
  if (result.ok()) return {};
  return std::move(result).error();
}

}  // namespace narrow::testing
