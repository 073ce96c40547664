// Where quantizing ends early.
#pragma once

#include "narrow/cancellation.h"
#include "narrow/result.h"

namespace narrow::graph {

// The error of cancelled work; asked for each image, layer and iteration. cancellation: may be null.
[[nodiscard]] inline Status check_cancelled(const Cancellation* cancellation) {
  if (cancellation == nullptr || !cancellation->cancelled()) return {};
  return Error{ErrorCode::kCancelled, "was cancelled", "quantize"};
}

}  // namespace narrow::graph
