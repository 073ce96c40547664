// Tiles of convolution_u8_avxvnni and winograd_u8_2x2_avxvnni: 6 pixels x 16 channels or 12 x 8.
#pragma once

#include <cstdint>

#include "kernels/avxvnni/residual_sums_avxvnni.h"
#include "kernels/costs.h"
#include "kernels/shared/vnni/tile_vnni.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avxvnni {

// vectors: of a panel; pixels: at most Tiles::max_pixels(vectors).
[[nodiscard]] vnni::TileFunction tile_function(std::int64_t vectors, std::int64_t pixels);
// For one pixel, a panel of the most vectors, and weights that are stored in 4 or 2 bits.
[[nodiscard]] vnni::TileFunction narrow_tile_function();

// Parameter of the templates in kernels/shared/vnni/convolution_vnni.h and winograd_vnni.h. It has internal linkage:
// see kernels/CMakeLists.txt.
namespace {

struct Tiles {
  static constexpr auto kConvolutionCosts = &costs::Table::convolution_u8_avxvnni;
  static constexpr auto kWinogradCosts = &costs::Table::winograd_u8_2x2_avxvnni;
  static constexpr std::int64_t kLanes = 8;
  static constexpr std::int64_t kMaxVectors = 2;
  static constexpr std::int64_t kMaxPixels = 16;
  static constexpr bool kEqualTiles = true;
  static constexpr std::int64_t kNarrowVectors = 2;

  static std::int64_t max_pixels(std::int64_t vectors) { return vectors == 1 ? 12 : 6; }

  static void store_sums(const ConvolutionProblem& problem, const vnni::PanelSums& sums) {
    store_residual_sums(problem, sums);
  }

  static vnni::TileFunction tile(std::int64_t vectors, std::int64_t pixels) { return tile_function(vectors, pixels); }
  static vnni::TileFunction narrow_tile() { return narrow_tile_function(); }
};

}  // namespace
}  // namespace narrow::kernels::avxvnni
#pragma GCC visibility pop
