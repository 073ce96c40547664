#include "kernels/avx2/shared/winograd_run_avx2.h"

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/winograd_plan_avx2.h"
#include "kernels/avx2/winograd/winograd_input_avx2.h"
#include "kernels/avx2/winograd/winograd_output_avx2.h"
#include "kernels/avx2/winograd/winograd_segments_avx2.h"
#include "kernels/avx2/winograd/winograd_weights_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {

Refusal refuse_large_winograd_sums(const ConvolutionProblem& problem) {
  const std::int64_t largest = largest_byte(problem);
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const WeightSums& sums = problem.sums[c];
    if (largest * sums.positive >= kWinogradAccLimit || largest * sums.negative < -kWinogradAccLimit) {
      return {.why = "its sums may exceed 2^25", .channel = c};
    }
  }
  return {};
}

Refusal refuse_winograd(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  const bool fits = shape.kernel_h == 3 && shape.kernel_w == 3 && shape.stride_h == 1 && shape.stride_w == 1 &&
                    shape.dilation_h == 1 && shape.dilation_w == 1 && shape.groups == 1;
  if (!fits) return {.why = "it is not 3x3 with stride 1, no dilation and one group"};
  if (const Refusal wide = refuse_wide_ranges(problem); wide.why != nullptr) return wide;
  return refuse_large_winograd_sums(problem);
}

double winograd_cost(const ConvolutionProblem& problem, const costs::Winograd& costs) {
  const ConvolutionShape& shape = problem.shape;
  const WinogradPlan plan = plan_winograd(shape);
  const std::int64_t rows = (std::int64_t{shape.out_h} + kWinogradOutputs - 1) / kWinogradOutputs;
  const double tiles = static_cast<double>(rows * plan.tile_columns);
  const double panels = static_cast<double>(plan.panels);
  const double steps = static_cast<double>(plan.channels) / 2;
  const double blocks = plan.expands ? __builtin_ceil(tiles / static_cast<double>(plan.block_tiles)) : 0;
  return tiles * (kWinogradPositions * panels * (steps * costs.step + costs.row) + steps / 8 * costs.input +
                  panels * costs.output) +
         blocks * panels * steps * costs.expand;
}

int winograd_channel_step(const ConvolutionProblem& /*problem*/) { return 16; }

std::size_t winograd_packed_bytes(const ConvolutionProblem& problem) {
  const WinogradPlan plan = plan_winograd(problem.shape);
  return static_cast<std::size_t>(plan.panels * plan.panel_bytes);
}

void pack_winograd_layer(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
  pack_winograd(problem, plan_winograd(problem.shape), packed);
}

std::size_t winograd_workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(plan_winograd(problem.shape).workspace_bytes);
}

namespace {

// M of the block's tiles for one panel.
void multiply_block(const WinogradPlan& plan, std::int64_t tiles, const std::byte* weights, std::byte* workspace,
                    WinogradMultiply multiply) {
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
      multiply(workspace + plan.u_at + position * plan.u_position_bytes + k * 2, row_bytes, now * 2, tiles,
               w + position * plan.w_position_bytes, k > 0,
               reinterpret_cast<Acc*>(workspace + plan.m_at + position * plan.m_position_bytes));
    }
  }
}

// The panels of the part for the tiles that are in the workspace.
void run_block(const ConvolutionProblem& problem, const WinogradPlan& plan, const OutputStage& stage,
               const std::byte* packed, std::int64_t tiles, const ConvolutionPart& part, void* output,
               std::byte* workspace, WinogradMultiply multiply) {
  const WinogradTile* const table = reinterpret_cast<const WinogradTile*>(workspace);
  for (int channel = part.channel_begin; channel < part.channel_end; channel += 16) {
    const int channels = part.channel_end - channel < 16 ? part.channel_end - channel : 16;
    const std::byte* const panel = packed + channel / 16 * plan.panel_bytes;
    multiply_block(plan, tiles, panel + kWinogradHeadBytes, workspace, multiply);
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      transform_output_4x4(problem, stage, table[tile], workspace + plan.m_at + tile * std::int64_t{sizeof(Acc)},
                           plan.m_position_bytes, panel, channel, channels, output);
    }
  }
}

}  // namespace

void run_winograd(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace, WinogradMultiply multiply) {
  const WinogradPlan plan = plan_winograd(problem.shape);
  const OutputStage stage = output_stage(problem);
  prepare_padding(problem, plan, workspace);
  for_each_segment<kWinogradOutputs>(
      problem.shape, part, plan,
      [&](const WinogradSegment& segment, std::int64_t first) {
        transform_inputs(problem, plan, input, segment, first, workspace);
      },
      [&](std::int64_t tiles) { run_block(problem, plan, stage, packed, tiles, part, output, workspace, multiply); });
}

}  // namespace narrow::kernels::avx2
