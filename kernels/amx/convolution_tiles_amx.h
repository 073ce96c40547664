// Tiles of convolution_u8_amx: 32 pixels x 32 channels, twice for panels of more than 32 channels. The sums are four
// tile registers of 16 pixels x 16 channels.
#pragma once

#include <cstdint>

#include "kernels/avx512vnni/residual_sums_avx512vnni.h"
#include "kernels/shared/vnni/tile_vnni.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::amx {

// Configures the tile registers of this thread, as run_tile needs them.
void begin_tiles();
// Afterwards the operating system does not have to save them when it switches threads.
void end_tiles();

// vectors: of 16 channels of a panel, at most 4. pixels: at most Tiles::kMaxPixels.
// Accumulators in output.acc are always written, and those of pixels up to the next multiple of 16 too. output.out may
// be the same memory.
// Weights up to kReadAhead * vectors bytes after the last depth step may be read. They are multiplied by 0.
void run_tile(const vnni::TileInput& input, const vnni::TileOutput& output, std::int64_t vectors, std::int64_t pixels);

static constexpr std::int64_t kReadAhead = 15 * 64;

// Parameter of the templates in kernels/shared/vnni/convolution_vnni.h. It has internal linkage: see
// kernels/CMakeLists.txt.
namespace {

struct Tile {
  std::int64_t vectors, pixels;

  void operator()(const vnni::TileInput& input, const vnni::TileOutput& output) const {
    run_tile(input, output, vectors, pixels);
  }
};

struct Tiles {
  static constexpr std::int64_t kLanes = 16;
  static constexpr std::int64_t kMaxVectors = 4;
  static constexpr std::int64_t kMaxPixels = 32;
  static constexpr bool kEqualTiles = false;
  static constexpr std::int64_t kNarrowVectors = 0;

  static std::int64_t max_pixels(std::int64_t /*vectors*/) { return kMaxPixels; }

  static void store_sums(const ConvolutionProblem& problem, const vnni::PanelSums& sums) {
    avx512vnni::store_residual_sums(problem, sums);
  }

  static Tile tile(std::int64_t vectors, std::int64_t pixels) { return {vectors, pixels}; }
};

}  // namespace
}  // namespace narrow::kernels::amx
#pragma GCC visibility pop
