// The inner loops of convolution_a16_3x16_avx2: tiles of up to 3 pixels x 16 channels, products summed in 16 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_tile_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kA16TilePixels = 3;

// Math: acc[r][c] = bias[c] + sum over the pixels' bytes of x * w, int32. Each window of at most `run_steps` steps
//   (4 bytes of x) of a segment is summed modulo 2^16 and then widened: exact where choose_run() of
//   convolution_runs_avx2.h says so.
// Layout: that of the u8 tiles (convolution_tile_avx2.h).
using A16TileFunction = void (*)(const std::uint8_t* const* pixels, const TileDepth& depth, std::int64_t run_steps,
                                 const std::byte* panel, Acc* acc);

// For 1..kA16TilePixels pixels and windows of `run_steps` >= 2.
[[nodiscard]] A16TileFunction tile_a16(int pixels, std::int64_t run_steps);

// The same for 1..kTilePixels pixels and a single segment that is a single window, which widens once, at the end.
[[nodiscard]] const TileFunction* tiles_a16_whole();
[[nodiscard]] constexpr bool is_whole(const TileDepth& depth, std::int64_t run_steps) {
  return depth.segments == 1 && run_steps * 4 == depth.segment_bytes;
}

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
