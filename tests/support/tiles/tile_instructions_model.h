// The functions of kernels/amx/tile_instructions_amx.h by a model of the instructions. The build includes this file
// first where it compiles the kernels of AMX for a test (tests/CMakeLists.txt).
#pragma once

#define NARROW_TILE_MODEL

#include "tests/support/tiles/tile_model.h"

namespace narrow::kernels::amx {

[[maybe_unused]] static void load_configuration(const void* bytes) { narrow::testing::tile_model().ldtilecfg(bytes); }
[[maybe_unused]] static void release_tiles() { narrow::testing::tile_model().tilerelease(); }

template <int kTile>
static void load_tile(const void* rows, std::ptrdiff_t stride) {
  narrow::testing::tile_model().tileloadd(kTile, rows, stride);
}
template <int kTile>
static void store_tile(void* rows, std::ptrdiff_t stride) {
  narrow::testing::tile_model().tilestored(kTile, rows, stride);
}
template <int kSums, int kUnsigned, int kSigned>
static void multiply_tiles() {
  narrow::testing::tile_model().tdpbusd(kSums, kUnsigned, kSigned);
}

}  // namespace narrow::kernels::amx
