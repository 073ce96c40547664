// The arguments of the tiles of AVX-VNNI, AVX512-VNNI and AMX. Tiles are inner loops on vpdpbusd and tdpbusd.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/shared/narrow_weights.h"

namespace narrow::kernels::vnni {

// The depth of a tile: `segments` segments of `segment_bytes` (a multiple of 4, not 0) of each pixel's window. Segment
// s starts offsets[s] + shift bytes after the pixel's pointer.
struct TileInput {
  const std::uint8_t* const* windows;
  const std::int64_t* offsets;
  std::int64_t segments;
  std::int64_t segment_bytes;
  std::int64_t shift;
  const std::byte* head;  // panel header: bias, multiplier
  const std::byte* weights;
  const std::byte* ahead;      // to be prefetched only: a cache line for each depth step
  WeightStorage storage = {};  // of the weights, for tiles that widen them themselves
};

// The weights of the next panel, prefetched while the tiles of this one compute. The prefetcher of the CPU fetches only
// ranges that are already being read.
struct WeightsAhead {
  const std::byte* begin;
  std::int64_t bytes;
  std::int64_t at = 0;

  // For a tile of `steps` depth steps. When all is fetched, further tiles fetch from the start again, which takes no
  // time.
  const std::byte* take(std::int64_t steps) {
    constexpr std::int64_t kLineBytes = 64;
    const std::byte* const from = begin + at;
    at = at + steps * kLineBytes < bytes ? at + steps * kLineBytes : 0;
    return from;
  }
};

// uint8 outputs: clamp(round(acc * multiplier) + zero_point, lo, hi). If `out` is nullptr, accumulators are stored in
// acc[pixel][lane of the panel] instead.
struct TileOutput {
  std::uint8_t* out;
  std::ptrdiff_t step;  // bytes between pixels
  std::int32_t* acc;
  std::int16_t zero_point;
  std::uint8_t lo, hi;
};

// The accumulators of some pixels of a panel that become residual sums (kernels/convolution.h).
struct PanelSums {
  // [pixels][lanes of the panel], 64-byte aligned. Elements up to the next multiple of 256 bytes may be read.
  const std::int32_t* acc;
  const float* multiplier;  // [lanes of the panel], 64-byte aligned
  std::int64_t vectors;     // of the panel
  std::int64_t pixels;
  std::int64_t channels;         // at most the lanes of the panel; no other byte is read or written
  const std::uint8_t* residual;  // of the first pixel
  std::uint8_t* out;             // of the first pixel; it may be `residual`
};

// Math: acc[r][c] = bias[c] + sum over the pixel's bytes of x * w, int32, exact. Intermediate sums may wrap.
//   Writes whole vectors of outputs.
using TileFunction = void (*)(const TileInput& input, const TileOutput& output);

}  // namespace narrow::kernels::vnni
