// Prefetches of weights. Weights are long ranges in L3 or memory, but the prefetcher of the CPU stops at the end of a
// page.
// Everything here is static, so that no ISA-specific copy is ever visible to the linker.
#pragma once

#include <cstddef>

#include "kernels/shared/inline.h"

namespace narrow::kernels {

NARROW_INLINE void prefetch_weights(const void* weights) {
  constexpr std::ptrdiff_t kAhead = 1536;
  __builtin_prefetch(static_cast<const char*>(weights) + kAhead);
}

// Fetches one cache line into L2, because L1 is full of data in use.
NARROW_INLINE void prefetch_ahead(const void* weights) { __builtin_prefetch(weights, 0, 2); }

}  // namespace narrow::kernels
