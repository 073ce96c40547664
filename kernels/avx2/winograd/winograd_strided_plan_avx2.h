// Winograd's F(3x3, 4x4) for windows of 5 to 8 pixels and stride 2 on pictures of up to 4 channels, such as the first
// layer of a ResNet: 36 products for each pair of channels of a tile of 3 x 3 outputs.
//
// A window of 8 x 8 (smaller ones have weights of 0) and stride 2 is a window of 4 x 4 and stride 1 on pixels of 2 x 2
// pixels, with 4 times as many channels: (row, column, channel), of which those of one row lie next to each other in
// the picture. Points of interpolation are those of F(4x4, 3x3), so that B is the same (winograd_plan_avx2.h), and
//
//       6  0  0  0
//       1  1  1  1          1  4  4  1  1  0
//   G = 1 -1  1 -1      A = 0  2 -2  1 -1  0      A M A^T = 9 * 2^(k[row] + k[column]) * acc,    k = 3, 2, 1
//       1  2  4  8          0  1  1  1  1  1
//       1 -2  4 -8
//       0  0  0  6
//
// Ranges: W is within 225 * 128 = 28800, U within 17340: int16, and a vpmaddwd of both is an int32. The rest of the
// proof is that of winograd_plan_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_plan_avx2.h"
#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kStridedOutputs = 3;    // of a tile, in each direction
inline constexpr int kStridedWindow = 4;     // of pixels of 2 x 2
inline constexpr int kStridedChannels = 4;   // of the picture, at most
inline constexpr int kStridedRowBytes = 32;  // of U of a tile and position: 4 * channels int16, and nothing

// In the workspace, all 64-byte aligned: tile table; a line of zero points; twice 6 lines of B d, for each row of the
// pixels of 2 x 2, [element] int16; U [position][tile][4 * channels] int16; M [position][tile] of one panel of 16
// output channels, for some of the tiles.
struct StridedPlan {
  std::int64_t elements;  // of one row of a pixel of 2 x 2
  std::int64_t steps;     // pairs of its channels
  std::int64_t panels;
  std::int64_t tile_columns;
  std::int64_t segment_tiles, block_tiles;  // at most, see for_each_segment
  std::int64_t panel_bytes;
  std::int64_t line_bytes;
  std::int64_t u_position_bytes, m_position_bytes, w_position_bytes;
  std::int64_t padding_at, lines_at, u_at, m_at;
  std::int64_t workspace_bytes;
};

[[nodiscard]] StridedPlan plan_strided(const ConvolutionShape& shape);

// Panels: int32 bias[16], float multiplier[16], then W [position][step][16 channels][2] int16, channels in the order of
// Acc; -zero_point * sum(w) is in the bias.
void pack_strided(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
