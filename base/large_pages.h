// Large pages for large memory.
#pragma once

#include <cstddef>

namespace narrow::base {

// Asks for pages of 2 MiB for those of them that lie inside [memory, memory + bytes), before they are first touched.
// Weights that are read from memory, such as those of large linear layers, are read faster, and the first touch of 512
// small pages becomes one. Where the system has no such pages nothing changes. Memory below 2 MiB is left as it is.
void prefer_large_pages(void* memory, std::size_t bytes);

}  // namespace narrow::base
