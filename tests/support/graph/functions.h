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

}  // namespace narrow::testing
