// Tiles of convolution_u8_avx512vnni and winograd_u8_2x2_avx512vnni: 7 pixels x 64 channels, 9 x 48, 14 x 32 or 14 x
// 16, depending on the number of channels. 27 or 28 of the 32 registers are accumulators.
#pragma once

#include <cstdint>

#include "kernels/avx512vnni/residual_sums_avx512vnni.h"
#include "kernels/costs.h"
#include "kernels/shared/vnni/tile_vnni.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx512vnni {

// vectors: of a panel; pixels: at most Tiles::max_pixels(vectors).
[[nodiscard]] vnni::TileFunction tile_function(std::int64_t vectors, std::int64_t pixels);
// For one pixel, a panel of the most vectors, and weights that are stored in 4 or 2 bits.
[[nodiscard]] vnni::TileFunction narrow_tile_function();

// Parameter of the templates in kernels/shared/vnni/convolution_vnni.h and winograd_vnni.h. It has internal linkage:
// see kernels/CMakeLists.txt.
namespace {

struct Tiles {
  static constexpr auto kConvolutionCosts = &costs::Table::convolution_u8_avx512vnni;
  static constexpr auto kWinogradCosts = &costs::Table::winograd_u8_2x2_avx512vnni;
  static constexpr std::int64_t kLanes = 16;
  static constexpr std::int64_t kMaxVectors = 4;
  static constexpr std::int64_t kMaxPixels = 16;
  static constexpr bool kEqualTiles = true;
  static constexpr std::int64_t kNarrowVectors = 4;

  static std::int64_t max_pixels(std::int64_t vectors) {
    constexpr std::int64_t kPixels[kMaxVectors] = {14, 14, 9, 7};
    return kPixels[vectors - 1];
  }

  static void store_sums(const ConvolutionProblem& problem, const vnni::PanelSums& sums) {
    store_residual_sums(problem, sums);
  }

  static vnni::TileFunction tile(std::int64_t vectors, std::int64_t pixels) { return tile_function(vectors, pixels); }
  static vnni::TileFunction narrow_tile() { return narrow_tile_function(); }
};

}  // namespace
}  // namespace narrow::kernels::avx512vnni
#pragma GCC visibility pop
