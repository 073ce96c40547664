// A parallel loop.
#pragma once

#include <cstddef>
#include <functional>

namespace narrow::base {

// Calls body(index, slot) once for every index in [0, count), on up to `threads` threads including the caller's, in
// ascending order of handing out. `slot` is in [0, threads) and no two calls at the same time share one. Where the
// system refuses threads, those that there are do the work. An exception of `body` ends the loop early; it is thrown
// again when all threads have ended, that of the smallest index if there are several.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t index, int slot)>& body);

}  // namespace narrow::base
