// A parallel loop.
#pragma once

#include <cstddef>
#include <functional>

namespace narrow::cli {

// Calls body(index, slot) once for every index in [0, count), on up to `threads` threads including the caller's. `slot`
// is in [0, threads) and no two calls at the same time share one. body does not throw.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t index, int slot)>& body);

}  // namespace narrow::cli
