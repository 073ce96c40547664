// The inner loops of convolution_w2_6x64_avx2: products of weights of 2 bits by tables.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kW2Pixels = 6;
inline constexpr int kW2Half = 32;   // channels of a vector of bytes
inline constexpr int kW2Panel = 64;  // channels of a tile
// A table for each pair of inputs: 16 bytes, the sum of two products for each pair of weights.
inline constexpr std::int64_t kW2TableBytes = 256;

// table: 16 tables of 16 bytes. The one at byte 16 * (x0 + 4 * x1) has x0 * (i % 4 + least) + x1 * (i / 4 + least) at
// i.
void make_pair_tables(std::int32_t least, std::byte* table);

// The depth of a tile. Segment s starts offsets[s] bytes after the pixel's pointer and has segment_pairs bytes, each 16
// * (x0 + 4 * x1). run_pairs, start: see w2_runs_avx2.h.
struct W2Depth {
  const std::int64_t* offsets;
  std::int64_t segments;
  std::int64_t segment_pairs;
  std::int64_t run_pairs;
  std::uint8_t start;
  const std::byte* table;

  // Of a tile.
  [[nodiscard]] std::int64_t runs() const { return segments * ((segment_pairs + run_pairs - 1) / run_pairs); }
};

// Words of a pixel's 32 channels, modulo 2^16. A run's byte i holds channel i / 2, or 16 + i / 2 if i is odd.
struct W2Sums {
  __m256i both;  // the sums of channels 0 to 15 plus 2^8 times those of channels 16 to 31
  __m256i high;  // those of channels 16 to 31
};

// Math: sums[pixel][half] of x * w, all runs.
// Layout: weights: [pair][halves][32 bytes: w0 - least + 4 * (w1 - least)], 32-byte aligned. pixels: kW2Pixels pointers
// or half of them.
using W2TileFunction = void (*)(const std::uint8_t* const* pixels, const W2Depth& depth, const std::byte* weights,
                                W2Sums* sums);
// halves: 1 or 2. many: kW2Pixels pixels, or half of them.
[[nodiscard]] W2TileFunction w2_tile(int halves, bool many);

// The same for a run that is `whole`. sums: bytes of [pixel][half], less 128; byte i is channel i.
using W2ByteTileFunction = void (*)(const std::uint8_t* const* pixels, const W2Depth& depth, const std::byte* weights,
                                    __m256i* sums);
[[nodiscard]] W2ByteTileFunction w2_byte_tile(int halves, bool many);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
