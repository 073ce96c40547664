// winograd_s16_4x4_avx2: 3x3 windows of stride 1, one group, any padding: F(4x4, 3x3) in 16-bit integers, a quarter of
// the products of convolution_s16_6x16_avx2. Exact for any 8 x 8 bits where sums are within 2^25, which the weights
// prove. The mathematics and the proof are in winograd_plan_avx2.h.
// Packed: see winograd_weights_avx2.h. Rows of a part are covered by tiles from its first row on, of each picture.
#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/convolution_output_avx2.h"
#include "kernels/avx2/convolution_panels_avx2.h"
#include "kernels/avx2/winograd_input_avx2.h"
#include "kernels/avx2/winograd_output_avx2.h"
#include "kernels/avx2/winograd_plan_avx2.h"
#include "kernels/avx2/winograd_tile_avx2.h"
#include "kernels/avx2/winograd_weights_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

// Whether the sum of any channel, before its bias, stays within the limit: x is in [0, largest].
bool sums_are_small(const ConvolutionProblem& problem) {
  const std::int64_t largest = largest_byte(problem);
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const WeightSums& sums = problem.sums[c];
    if (largest * sums.positive >= kWinogradAccLimit || largest * sums.negative < -kWinogradAccLimit) return false;
  }
  return true;
}

bool accepts(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  return shape.kernel_h == 3 && shape.kernel_w == 3 && shape.stride_h == 1 && shape.stride_w == 1 &&
         shape.dilation_h == 1 && shape.dilation_w == 1 && shape.groups == 1 && fits_bytes(problem) &&
         sums_are_small(problem);
}

double cost(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  const WinogradPlan plan = plan_winograd(shape);
  constexpr double kStepCycles = 1.25;   // 32 products of one tile, as in convolution_s16_6x16_avx2
  constexpr double kRowCycles = 4;       // of a position, tile and panel: starting and storing the sums
  constexpr double kInputCycles = 100;   // 16 input channels of a tile
  constexpr double kOutputCycles = 260;  // 16 output channels of a tile
  constexpr double kExpandCycles = 100;  // W of two input and 16 output channels
  const double rows = (shape.out_h + kWinogradOutputs - 1) / kWinogradOutputs;
  const double tiles = rows * static_cast<double>(plan.tile_columns);
  const double panels = static_cast<double>(plan.panels);
  const double steps = static_cast<double>(plan.channels) / 2;
  const double blocks = plan.expands ? __builtin_ceil(tiles / static_cast<double>(plan.block_tiles)) : 0;
  return tiles * (kWinogradPositions * panels * (steps * kStepCycles + kRowCycles) + steps / 8 * kInputCycles +
                  panels * kOutputCycles) +
         blocks * panels * steps * kExpandCycles;
}

int channel_step(const ConvolutionProblem& /*problem*/) { return 16; }

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const WinogradPlan plan = plan_winograd(problem.shape);
  return static_cast<std::size_t>(plan.panels * plan.panel_bytes);
}

void pack(const ConvolutionProblem& problem, std::byte* packed) {
  pack_winograd(problem, plan_winograd(problem.shape), packed);
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(plan_winograd(problem.shape).workspace_bytes);
}

// M of the block's tiles for one panel.
void multiply_block(const WinogradPlan& plan, std::int64_t tiles, const std::byte* weights, std::byte* workspace) {
  const std::int64_t row_bytes = plan.channels * 2;
  const std::int64_t chunk = plan.expands ? plan.chunk_channels : plan.channels;
  for (std::int64_t k = 0; k < plan.channels; k += chunk) {
    const std::int64_t now = plan.channels - k < chunk ? plan.channels - k : chunk;
    const std::byte* w = weights;
    if (plan.expands) {
      expand_weights(weights + k / 2 * kWinogradStepBytes, now / 2, plan.w_position_bytes, workspace + plan.w_at);
      w = workspace + plan.w_at;
    }
    for (std::int64_t position = 0; position < kWinogradPositions; ++position) {
      multiply_winograd(workspace + plan.u_at + position * plan.u_position_bytes + k * 2, row_bytes, now * 2, tiles,
                        w + position * plan.w_position_bytes, k > 0,
                        reinterpret_cast<Acc*>(workspace + plan.m_at + position * plan.m_position_bytes));
    }
  }
}

// The panels of the part for the tiles that are in the workspace.
void run_block(const ConvolutionProblem& problem, const WinogradPlan& plan, const OutputStage& stage,
               const std::byte* packed, std::int64_t tiles, const ConvolutionPart& part, void* output,
               std::byte* workspace) {
  const WinogradTile* const table = reinterpret_cast<const WinogradTile*>(workspace);
  for (int channel = part.channel_begin; channel < part.channel_end; channel += 16) {
    const int channels = part.channel_end - channel < 16 ? part.channel_end - channel : 16;
    const std::byte* const panel = packed + channel / 16 * plan.panel_bytes;
    multiply_block(plan, tiles, panel + kWinogradHeadBytes, workspace);
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      transform_output(problem, stage, table[tile], workspace + plan.m_at + tile * std::int64_t{sizeof(Acc)},
                       plan.m_position_bytes, panel, channel, channels, output);
    }
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  const WinogradPlan plan = plan_winograd(problem.shape);
  const OutputStage stage = output_stage(problem);
  prepare_padding(problem, plan, workspace);
  std::int64_t tiles = 0;
  for (std::int64_t row = part.row_begin; row < part.row_end;) {
    const std::int64_t of_picture = problem.shape.out_h - row % problem.shape.out_h;
    const std::int64_t of_part = part.row_end - row;
    std::int64_t rows = of_picture < of_part ? of_picture : of_part;
    if (rows > kWinogradOutputs) rows = kWinogradOutputs;
    for (std::int64_t column = 0; column < plan.tile_columns; column += plan.segment_tiles) {
      const std::int64_t left = plan.tile_columns - column;
      const std::int64_t now = left < plan.segment_tiles ? left : plan.segment_tiles;
      if (tiles + now > plan.block_tiles) {
        run_block(problem, plan, stage, packed, tiles, part, output, workspace);
        tiles = 0;
      }
      transform_inputs(problem, plan, input, {row, static_cast<int>(rows), column * kWinogradOutputs, now}, tiles,
                       workspace);
      tiles += now;
    }
    row += rows;
  }
  if (tiles > 0) run_block(problem, plan, stage, packed, tiles, part, output, workspace);
}

}  // namespace

const ConvolutionKernel kWinogradS16{
    "winograd_s16_4x4_avx2", Isa::kAvx2, accepts,         cost, channel_step, packed_bytes, pack,
    workspace_bytes,         run,        kWinogradOutputs};

}  // namespace narrow::kernels::avx2
