// The instructions on tile registers that the kernels of this folder use: AMX-TILE and AMX-INT8. There are 8 registers
// of up to 16 rows of up to 64 bytes.
// A test compiles the kernels once more and defines NARROW_TILE_MODEL. These functions then come from a model of the
// instructions (tests/support/tiles/), so that CPUs without them can run the test.
#pragma once

#ifndef NARROW_TILE_MODEL
#include <cstddef>

#include "kernels/shared/inline.h"

namespace narrow::kernels::amx {

// Assembler, because the intrinsics of g++ 12 do not say that loading a register reads memory. The compiler could then
// store what is loaded too late.
NARROW_INLINE void load_configuration(const void* bytes) {
  __asm__ volatile("ldtilecfg (%0)" : : "r"(bytes) : "memory");
}

NARROW_INLINE void release_tiles() { __asm__ volatile("tilerelease" : : : "memory"); }

// Rows begin at multiples of `stride` bytes. A stride of 0 loads the same row everywhere.
template <int kTile>
NARROW_INLINE void load_tile(const void* rows, std::ptrdiff_t stride) {
  __asm__ volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(rows), "r"(stride), "i"(kTile) : "memory");
}

template <int kTile>
NARROW_INLINE void store_tile(void* rows, std::ptrdiff_t stride) {
  __asm__ volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(rows), "r"(stride), "i"(kTile) : "memory");
}

// Adds to int32 n of row m of kSums, for each k: the 4 products of unsigned bytes 4k to 4k + 3 of row m of kUnsigned
// with signed bytes 4n to 4n + 3 of row k of kSigned. Sums wrap.
template <int kSums, int kUnsigned, int kSigned>
NARROW_INLINE void multiply_tiles() {
  __asm__ volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kUnsigned), "i"(kSigned));
}

}  // namespace narrow::kernels::amx
#endif
