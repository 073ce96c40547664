// The inner loops of the direct convolutions: tiles of up to 6 pixels x 16 channels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narrow::kernels::avx2 {

inline constexpr int kTilePixels = 6;
inline constexpr int kPanelChannels = 16;

// What a tile sums over: `segments` runs of `segment_bytes` (a multiple of 4, not 0) of each pixel's window; run s
// starts offsets[s] + shift bytes behind the pixel's pointer.
struct TileDepth {
  const std::int64_t* offsets;
  std::int64_t segments;
  std::int64_t segment_bytes;
  std::int64_t shift;
};

// Math: acc[r][c] = bias[c] + sum over the pixels' bytes of x * w, int32, exact (wrapping in the middle is harmless).
// Layout: bias [16]; weights [4 bytes of x][16 channels][the elements that face 4 bytes of x: 2 int16 or 4 int8];
//   acc [pixels][16]. Both weights and bias 32-byte aligned; acc too.
// Ranges: s16: any int16 x in [-255, 255], w in [-128, 127]. u8: no pair of products may exceed int16.
using TileFunction = void (*)(const std::uint8_t* const* pixels, const TileDepth& depth, const std::int32_t* bias,
                              const std::byte* weights, std::int32_t* acc);

// For 1..kTilePixels pixels.
__attribute__((visibility("hidden"))) TileFunction tile_s16(int pixels);
__attribute__((visibility("hidden"))) TileFunction tile_u8(int pixels);

}  // namespace narrow::kernels::avx2
