// The inner loops of the pointwise convolutions: a panel of up to 32 channels over a run of pixels.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace narrow::kernels::avx2 {

inline constexpr int kVectorChannels = 8;
inline constexpr int kPanelVectors = 4;

// What all outputs of a layer share.
struct PointwiseStage {
  __m256i zero_point;    // int16
  __m256i lower, upper;  // uint8
};

// One panel: `vectors` vectors of 8 channels, 32-byte aligned.
//   head: int32 bias[8 * vectors], float multiplier[8 * vectors]; weights: [4 bytes of x][8 * vectors channels][4
//   bytes].
// Channels are in the order of place_in_pointwise_panel.
struct PointwiseRun {
  const std::uint8_t* x;
  std::ptrdiff_t x_step;  // bytes between pixels
  std::int64_t x_bytes;   // of a pixel: a multiple of 4, not 0
  const std::byte* head;
  const std::byte* weights;
  std::uint8_t* out;
  std::ptrdiff_t out_step;
  std::int64_t pixels;
};

// Where channel `c` of a panel is: in the order in which packing int32 to bytes, which works within 128 bits, leaves
// them as 0, 1, 2, ...
[[nodiscard]] constexpr int place_in_pointwise_panel(int c, int vectors) {
  return c % (4 * vectors) / 4 * kVectorChannels + c / (4 * vectors) * 4 + c % 4;
}

// Math: out = clamp(round(float(bias + sum of x * w) * multiplier) + zero_point, lower, upper).
// Ranges: products after scaling fit an int32. Words: x and w are int16. Bytes: uint8 and int8, and in each of a
//   channel's two lanes (elements 0 and 1, 2 and 3 of each four) sums of all positive and of all negative products fit
//   an int16.
using PointwiseTile = void (*)(const PointwiseStage& stage, const PointwiseRun& run);

// For panels of 1, 2, 3, 4 vectors; without `shifted` for zero_point and lower = 0.
[[nodiscard]] __attribute__((visibility("hidden"))) PointwiseTile pointwise_tile_words(int vectors, bool shifted);
[[nodiscard]] __attribute__((visibility("hidden"))) PointwiseTile pointwise_tile_bytes(int vectors, bool shifted);

}  // namespace narrow::kernels::avx2
