// The inner loops of the direct convolutions: tiles of up to 6 pixels x 16 channels, and the tiles of
// convolution_a16_3x16_avx2, which add products in 16 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/shared/narrow_weights.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kTilePixels = 6;
inline constexpr int kPanelChannels = 16;
inline constexpr std::int64_t kPanelHeadBytes = 128;  // int32 bias[16], float multiplier[16]

// The depth of a tile: `segments` segments of `segment_bytes` (a multiple of 4, not 0) of each pixel's window. Segment
// s starts offsets[s] + shift bytes after the pixel's pointer.
struct TileDepth {
  const std::int64_t* offsets;
  std::int64_t segments;
  std::int64_t segment_bytes;
  std::int64_t shift;
};

// Math: acc[r][c] = bias[c] + sum over the pixels' bytes of x * w, int32, exact. Intermediate sums may wrap.
//   With `out`, outputs are requantized and stored as uint8 in whole panels. Without, accumulators are stored in `acc`.
// Layout: panel: bias, multiplier, then [4 bytes of x][16 channels][weights of 4 bytes of x: 2 int16 (s16), 2 int8
// (s16_bytes) or 4 int8 (u8)]. Channels are in the order of Acc. 32-byte aligned.
// Ranges: s16, s16_bytes: any int16 x in [-255, 255], w in [-128, 127]. u8: no pair of products may exceed int16.
using TileFunction = void (*)(const std::uint8_t* const* pixels, const TileDepth& depth, const std::byte* panel,
                              const OutputStage& stage, std::uint8_t* out, Acc* acc);

// For 1, 2, ... kTilePixels pixels.
[[nodiscard]] const TileFunction* tiles_s16();
[[nodiscard]] const TileFunction* tiles_s16_bytes();
[[nodiscard]] const TileFunction* tiles_u8();

inline constexpr int kA16TilePixels = 3;

// Math: acc[r][c] = bias[c] + sum over the pixels' bytes of x * w, int32. An accumulation run of at most `run_steps`
// depth
//   steps (4 bytes of x) of a segment is added modulo 2^16 and then widened. It is exact where choose_run() of
//   convolution_runs_avx2.h proves it.
// Layout: that of the u8 tiles.
using A16TileFunction = void (*)(const std::uint8_t* const* pixels, const TileDepth& depth, std::int64_t run_steps,
                                 const std::byte* panel, Acc* acc);

// For 1 to kA16TilePixels pixels and runs of `run_steps` >= 2.
[[nodiscard]] A16TileFunction tile_a16(int pixels, std::int64_t run_steps);

// The same for one pixel and any run_steps, from weights that are stored in 4 or 2 bits. They are widened in registers.
[[nodiscard]] Acc narrow_tile_a16(const std::uint8_t* pixel, const TileDepth& depth, std::int64_t run_steps,
                                  const std::byte* panel, const WeightStorage& storage);

// Those of tile_a16 for 1 to kTilePixels pixels if the whole depth is one segment and one run. The sums are widened
// once, at the end.
[[nodiscard]] const TileFunction* tiles_a16_whole();
[[nodiscard]] constexpr bool is_whole(const TileDepth& depth, std::int64_t run_steps) {
  return depth.segments == 1 && run_steps * 4 == depth.segment_bytes;
}

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
