// How fast one core of this CPU reads memory, which bounds what a layer can do beside its arithmetic.
#pragma once

#include <cstddef>

namespace narrow::measure {

// Bytes per second of one core that reads `bytes` bytes from beginning to end, again and again: from the cache that
// holds so many, or from memory. The best of several rounds, about 20 ms in all. Time is that of the
// calling thread. Fewer than 64 kB and more than 256 MB
// count as these.
[[nodiscard]] double measure_read_speed(std::size_t bytes);

}  // namespace narrow::measure
