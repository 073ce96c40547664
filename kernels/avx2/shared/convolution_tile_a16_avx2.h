// The inner loops of convolution_a16_3x16_avx2: tiles of up to 3 pixels x 16 channels, products summed in 16 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_tile_avx2.h"

namespace narrow::kernels::avx2 {

inline constexpr int kA16TilePixels = 3;

// Math: acc[r][c] = bias[c] + sum over the pixels' bytes of x * w, int32. Each window of at most `window_steps` steps
//   (4 bytes of x) of a segment is summed modulo 2^16 and then widened: exact where choose_windows() of
//   convolution_windows_avx2.h says so.
// Layout: that of the u8 tiles (convolution_tile_avx2.h).
using A16TileFunction = void (*)(const std::uint8_t* const* pixels, const TileDepth& depth, std::int64_t window_steps,
                                 const std::byte* panel, Acc* acc);

// For 1..kA16TilePixels pixels and windows of `window_steps` >= 2.
[[nodiscard]] __attribute__((visibility("hidden"))) A16TileFunction tile_a16(int pixels, std::int64_t window_steps);

// The same for 1..kTilePixels pixels and a single segment that is a single window, which widens once, at the end.
[[nodiscard]] __attribute__((visibility("hidden"))) const TileFunction* tiles_a16_whole();
[[nodiscard]] constexpr bool is_whole(const TileDepth& depth, std::int64_t window_steps) {
  return depth.segments == 1 && window_steps * 4 == depth.segment_bytes;
}

}  // namespace narrow::kernels::avx2
