// What the tiles of AVX-VNNI and AVX512-VNNI are called with: inner loops on vpdpbusd.
#pragma once

#include <cstddef>
#include <cstdint>

namespace narrow::kernels::vnni {

// What a tile sums over: `segments` runs of `segment_bytes` (a multiple of 4, not 0) of each pixel's window; run s
// starts offsets[s] + shift bytes behind the pixel's pointer.
struct TileInput {
  const std::uint8_t* const* windows;
  const std::int64_t* offsets;
  std::int64_t segments;
  std::int64_t segment_bytes;
  std::int64_t shift;
  const std::byte* head;  // of the panel: bias, multiplier
  const std::byte* weights;
  const std::byte* ahead;  // not to be used, but fetched: a line for each step
};

// Weights that the next panel needs, brought closer while the tiles of this one compute. Hardware fetches ahead only
// what is being read already.
struct WeightsAhead {
  const std::byte* begin;
  std::int64_t bytes;
  std::int64_t at = 0;

  // For a tile of so many steps. Tiles that are left when all is fetched begin again, which costs nothing.
  const std::byte* take(std::int64_t steps) {
    constexpr std::int64_t kLineBytes = 64;
    const std::byte* const from = begin + at;
    at = at + steps * kLineBytes < bytes ? at + steps * kLineBytes : 0;
    return from;
  }
};

// uint8 outputs: clamp(round(acc * multiplier) + zero_point, lo, hi). Where `out` is nullptr, accumulators are stored
// in acc[pixel][lane of the panel] instead.
struct TileOutput {
  std::uint8_t* out;
  std::ptrdiff_t step;  // bytes between pixels
  std::int32_t* acc;
  std::int16_t zero_point;
  std::uint8_t lo, hi;
};

// Math: acc[r][c] = bias[c] + sum over the pixel's bytes of x * w, int32, exact (wrapping in the middle is harmless).
//   Writes whole vectors of outputs.
using TileFunction = void (*)(const TileInput& input, const TileOutput& output);

}  // namespace narrow::kernels::vnni
