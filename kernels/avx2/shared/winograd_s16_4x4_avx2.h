// Winograd's F(4x4, 3x3) for 3x3 windows of stride 1: Winograd tiles of 4 x 4 outputs from 6 x 6 inputs. A pair of
// channels takes 36 products instead of 144. All arithmetic is in integers and exact:
//
//   input   U = B d B^T     d: 6 x 6 bytes of a channel, z_x in the padding
//   weights W = G g G^T     g: 3 x 3 weights of a pair of channels
//   sums    M = sum over input channels of U * W, elementwise; modulo 2^32
//   output  A M A^T = 9 * 2^(k[row] + k[column]) * acc,    k = 3, 2, 1, 1;    modulo 2^32
//
//       4  0 -5  0  1  0           6  0  0          1  4  4  1  1  0
//       0  4  4 -1 -1  0           1  1  1          0  2 -2  1 -1  0
//   B = 0 -4  4  1 -1  0       G = 1 -1  1      A = 0  1  1  1  1  0
//       0 -2 -1  2  1  0           1  2  4          0  1 -1  2 -2  1
//       0  2 -1 -2  1  0           1 -2  4
//       0  4  0 -5  0  1           0  0  6
//
// The usual matrices hold fractions. Here the rows of G are scaled, and A is scaled by the least common multiple of
// these scales, 24. Powers of two that the elements of a row of A share are taken out.
//
// Ranges: U is within 68 * 255 = 17340 and W within 49 * 128 = 6272, so both are int16, and a vpmaddwd of both is an
// int32. All of it is linear, so sums may wrap. 9 has an inverse modulo 2^32. After the multiplication by it, an
// arithmetic shift by k[row] + k[column] <= 6 returns acc if acc is within [-2^25, 2^25). The bias is added after that.
//
// An ISA has functions for the products and the transforms; everything else is here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/winograd_tiles_avx2.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kWinogradOutputs = 4;  // of a Winograd tile, in each direction
inline constexpr int kWinogradInputs = 6;
inline constexpr int kWinogradPositions = 36;
inline constexpr std::int64_t kWinogradAccLimit = std::int64_t{1} << 25;

// Winograd tiles are computed in blocks, which may span rows and images. A block consists of Winograd tile runs
// (`segment` in names). In the workspace, all 64-byte aligned:
//   tile table; one line of z_x; 6 lines of B d, [pixel][channel] int16; U [position][tile][channel] int16;
//   for each of `panels` panels, M [position][tile] of 16 output channels; for each of them W for some of the input
//   channels, if transforms_weights.
struct WinogradPlan {
  std::int64_t channels;  // input channels, rounded up to 16; weights of the added ones are 0
  std::int64_t panels;
  std::int64_t tile_columns;
  std::int64_t segment_tiles;  // of a Winograd tile run, at most
  std::int64_t block_tiles;    // at most
  // Whether panels hold the 3x3 weights, 1 byte each, and each block transforms them to W. Otherwise panels hold W, 8
  // bytes for each weight.
  bool transforms_weights;
  std::int64_t chunk_channels;  // input channels of W in the workspace
  std::int64_t panel_bytes;
  std::int64_t line_bytes;
  std::int64_t u_position_bytes, m_position_bytes, w_position_bytes;
  std::int64_t m_bytes, w_bytes;  // of a panel
  std::int64_t padding_at, lines_at, u_at, m_at, w_at;
  std::int64_t workspace_bytes;
};

// panels: for which there are M and W in the workspace, 1 or 2. Nothing else depends on them.
[[nodiscard]] WinogradPlan plan_winograd(const ConvolutionShape& shape, int panels = 1);

// Refuses if the sum of a channel, without its bias, may leave kWinogradAccLimit.
[[nodiscard]] Refusal refuse_large_winograd_sums(const ConvolutionProblem& problem);

// The functions of a ConvolutionKernel that do not depend on the ISA.
[[nodiscard]] Refusal refuse_winograd(const ConvolutionProblem& problem);
[[nodiscard]] int winograd_channel_step(const ConvolutionProblem& problem);
[[nodiscard]] std::size_t winograd_packed_bytes(const ConvolutionProblem& problem);
void pack_winograd_layer(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed);
[[nodiscard]] std::size_t winograd_workspace_bytes(const ConvolutionProblem& problem);

[[nodiscard]] double winograd_cost(const ConvolutionProblem& problem, const costs::Winograd& costs);

inline constexpr std::int64_t kWinogradStepBytes = 288;  // [8 channels twice][9 taps][8 channels][2], int8

// The products of one position of a block's tiles and of one or two panels.
// Math: m[t] = sum over k of u[t][k] * w[k][c], plus the former m[t] if `adds`; modulo 2^32.
// Layout: rows of u are row_bytes apart, and `u_bytes` (a multiple of 4, not 0) of each are read. w: [pair of k][16
// channels][2], int16. m: [t], channels in the order of Acc. w and m are 64-byte aligned.
// Ranges: no pair of products may exceed int32.
struct WinogradProducts {
  const std::byte* u;
  std::int64_t row_bytes, u_bytes;
  std::int64_t rows;  // tiles
  bool adds;
  int panels;  // 1 or 2
  const std::byte* w[2];
  Acc* m[2];
  std::int64_t w_ahead;  // bytes from w to that of the next position, which may be prefetched
};

struct WinogradFunctions {
  int panels;  // that `multiply` takes at a time, at most
  void (*multiply)(const WinogradProducts& products);
  // B d: transforms `count` bytes of each of six rows to six lines of int16, `line_bytes` apart. Columns are
  // transformed first, in whole lines. Therefore a column that two tiles share is transformed once, and borders need
  // only other pointers.
  void (*transform_columns)(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines,
                            std::int64_t line_bytes);
  // (B d) B^T: one line of a tile, six pixels that are pixel_bytes apart, to U of six positions. channels: a multiple
  // of
  // 16. u: 32-byte aligned.
  void (*transform_row)(const std::byte* line, std::int64_t pixel_bytes, std::int64_t channels,
                        std::int64_t position_bytes, std::byte* u);
  // Transforms `steps` steps of two input channels to W at 36 positions, `position_bytes` apart, 64-byte aligned.
  void (*transform_weights)(const std::byte* weights, std::int64_t steps, std::int64_t position_bytes, std::byte* w);
  // Writes `channels` (1 to 16) channels, from `channel` on, of a tile's outputs. m: 36 Acc, position_bytes apart,
  // 64-byte aligned. head: the panel header. output: the output of the whole layer.
  void (*transform_output)(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                           const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                           int channels, void* output);
};
extern const WinogradFunctions kWinogradAvx2;

inline constexpr std::int32_t kInverseOf9 = 0x38E38E39;  // modulo 2^32

void run_winograd(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace, const WinogradFunctions& functions);

inline constexpr int kWinogradTileRows = 6;

// The products of one panel, see WinogradProducts. w and m are 32-byte aligned.
void multiply_winograd(const std::byte* u, std::int64_t row_bytes, std::int64_t u_bytes, std::int64_t rows,
                       const std::byte* w, bool adds, Acc* m);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
