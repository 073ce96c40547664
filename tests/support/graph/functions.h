// All kinds of functions, for tests that go through them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/operators.h"

namespace narrow::testing {

[[nodiscard]] inline std::vector<graph::FunctionKind> all_functions() {
  std::vector<graph::FunctionKind> kinds;
  for (int kind = 0; kind < graph::kFunctionKinds; ++kind) kinds.push_back(static_cast<graph::FunctionKind>(kind));
  return kinds;
}

// Whether the function jumps somewhere.
[[nodiscard]] inline bool has_jumps(graph::FunctionKind kind) {
  using enum graph::FunctionKind;
  return kind == kThresholdedRelu || kind == kShrink || kind == kSign || kind == kFloor || kind == kCeil ||
         kind == kRound || kind == kTrunc;
}

// Numbers for which the function has a finite result that single precision can hold.
[[nodiscard]] inline Clamp domain_of(graph::FunctionKind kind) {
  switch (kind) {
    case graph::FunctionKind::kPower:  // of any exponent
    case graph::FunctionKind::kLog:
      return {0.25F, 4.0F};
    case graph::FunctionKind::kExp:
      return {-100.0F, 4.0F};
    case graph::FunctionKind::kTan:
    case graph::FunctionKind::kAsin:
    case graph::FunctionKind::kAcos:
    case graph::FunctionKind::kAtanh:
      return {-0.875F, 0.875F};
    case graph::FunctionKind::kSinh:
    case graph::FunctionKind::kCosh:
      return {-4.0F, 4.0F};
    case graph::FunctionKind::kAcosh:
      return {1.25F, 4.0F};
    default:
      return {};
  }
}

}  // namespace narrow::testing
