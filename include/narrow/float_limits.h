// What running a float network may take.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narrow/detail/visibility_begin.h"

namespace narrow {
inline namespace v0 {

// A file of a few bytes can ask for any amount. The error of a network that takes more is kLimit, before anything is
// allocated. Operations are counted as in SessionOptions.
struct FloatLimits {
  std::size_t max_memory_bytes = std::size_t{4} << 30;  // of tensors; weights are as large as their file
  std::int64_t max_operations = 1'000'000'000'000;      // of one image
};

}  // namespace v0
}  // namespace narrow

#include "narrow/detail/visibility_end.h"
