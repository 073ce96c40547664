// Winograd's F(2x2, 3x3) for 3x3 windows of stride 1 in bytes: Winograd tiles of 2 x 2 outputs from 4 x 4 inputs. A
// pair of channels takes 16 products instead of 36. All arithmetic is in integers and exact:
//
//   input   U = B d B^T + offset    d: 4 x 4 bytes of a channel, z_x in the padding; uint8
//   weights W = G g G^T             g: 3 x 3 weights of a pair of channels; int8
//   sums    M = sum over input channels of U * W, elementwise; int32
//   output  A M A^T = 4 * acc + A (offset * sum of W) A^T
//
//       1  0 -1  0          2  0  0
//   B = 0  1  1  0      G = 1  1  1      A = 1  1  1  0
//       0 -1  1  0          1 -1  1          0  1 -1 -1
//       0  1  0 -1          0  0  2
//
// G is twice the usual matrix, which is the reason for the 4.
//
// Ranges for x in [0, a] and |w| <= v: B d B^T is within [-2a, 2a], and within [0, 4a] where both of its rows add. The
// offset is 2a and 0, so U is within [0, 4a]. This is a byte for a <= 63 (6 bits). W is within 9v. This is a byte for v
// <= 14 (4 bits). The offset adds the same to the sums of every tile: four numbers for each output channel.
//
// At the right (lower) edge of images of odd width (height), tiles have one column (row) of outputs. Their positions of
// the last column (row) are not computed. 7 x 7 outputs of a channel take 225 products rather than 256.
//
// The function of an ISA computes the products; everything else is here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"
#include "kernels/costs.h"
#include "kernels/shared/narrow_weights.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr int kByteWinogradOutputs = 2;  // of a Winograd tile, in each direction
inline constexpr int kByteWinogradInputs = 4;
inline constexpr int kByteWinogradPositions = 16;

// The panels and blocks of an ISA: panels of `vectors` times 16 output channels, blocks of up to `tiles` tiles.
struct ByteWinogradFormat {
  std::int64_t vectors;  // 1 to 4, at most; layers of fewer channels have fewer
  std::int64_t tiles;
  bool adds_words;  // products are added in 16 bits for `steps` depth steps; with 1 vector only
};

// Packed: 256 zeros; then for each panel, all 64-byte aligned:
//   int64 steps[16], the run length of each position (see convolution_runs_avx2.h);
//   for each vector of 16 channels, in the order of Acc: int32 constants[2][2] of outputs, int32 bias, float
//   multiplier; for each position 128 zeros, which some tiles read as a panel header, and W [4 input
//   channels][vector][16 channels][4]. If W of the layer would be large, a panel holds for each tap the weights in this
//   order instead, as narrow weights. Each block then computes W of a panel from them.
// Workspace: pointers to each tile's row of U, and tile numbers, in the order of M; tile table; 4 lines of B d,
// [pixel][channel]; U [position][tile][channel]; M [position][tile][vector][16 channels]; W of a panel, if
// `transforms_weights`.
struct ByteWinogradPlan {
  std::int64_t channels;  // input channels, rounded up to 4; weights of the added ones are 0
  std::int64_t vectors;   // of a panel
  std::int64_t panels;
  std::int64_t tile_columns;
  std::int64_t segment_tiles;  // of a Winograd tile run, at most
  std::int64_t block_tiles;    // at most
  bool transforms_weights;
  WeightStorage storage;  // of taps
  std::int64_t head_bytes, position_bytes, panel_bytes;
  std::int64_t line_bytes;
  std::int64_t u_row_bytes, u_position_bytes, m_position_bytes;
  std::int64_t order_at, table_at, padding_at, lines_at, u_at, m_at, w_at;
  std::int64_t workspace_bytes;

  // The bytes of W at one position, or of one tap as bytes.
  [[nodiscard]] std::int64_t weight_bytes() const { return channels / 4 * vectors * 64; }
  [[nodiscard]] std::int64_t tap_bytes() const { return weight_bytes() / kUnit * unit_bytes(storage); }
};

inline constexpr std::int64_t kByteWinogradZeros = 256;
inline constexpr std::int64_t kByteWinogradPositionHead = 128;

[[nodiscard]] ByteWinogradPlan plan_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradFormat& format);

// Refuses if the ranges of input and weights do not prove the above.
[[nodiscard]] Refusal refuse_byte_winograd(const ConvolutionProblem& problem);

// The largest element of U.
[[nodiscard]] std::int32_t largest_byte_winograd_input(const ConvolutionProblem& problem);

[[nodiscard]] double byte_winograd_cost(const ConvolutionProblem& problem, const ByteWinogradFormat& format,
                                        const costs::ByteWinograd& costs);

void pack_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradFormat& format, std::byte* packed);

// The products of one position and panel. Math: m[t][c] = sum over k of u[t][k] * w[k][c].
struct ByteWinogradProducts {
  const std::uint8_t* const* rows;  // of U, for each tile, at position 0
  std::int64_t shift;               // offset of the position in bytes
  std::int64_t tiles;
  std::int64_t depth;      // bytes of a row, a multiple of 4
  std::int64_t vectors;    // 16 channels each
  std::int64_t steps;      // depth steps that may be added in 16 bits
  const std::byte* head;   // panel header of the position; weights follow
  const std::byte* zeros;  // kByteWinogradZeros zeros
  std::int32_t* m;         // 64-byte aligned
  const std::byte* ahead;  // ahead_bytes of the next panel, to be prefetched
  std::int64_t ahead_bytes;
};

struct ByteWinogradFunctions {
  void (*multiply)(const ByteWinogradProducts& products);
  // Transforms the 9 taps of a panel to W at 16 positions, plan.position_bytes apart. The panel headers of positions
  // stay as they are.
  void (*transform_weights)(const ByteWinogradPlan& plan, const std::byte* taps, std::byte* positions);
};

void run_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradFormat& format, const std::byte* packed,
                       const std::uint8_t* input, void* output, const ConvolutionPart& part, std::byte* workspace,
                       const ByteWinogradFunctions& functions);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
