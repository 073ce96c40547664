// winograd_s16_3x3_avx2: see winograd_strided_plan_avx2.h. Rows of a part are covered by tiles from its first row on,
// of each picture.
#include "kernels/avx2/winograd/winograd_strided_run_avx2.h"

#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/winograd/winograd_output_avx2.h"
#include "kernels/avx2/winograd/winograd_segments_avx2.h"
#include "kernels/avx2/winograd/winograd_strided_input_avx2.h"
#include "kernels/avx2/winograd/winograd_strided_plan_avx2.h"
#include "kernels/avx2/winograd/winograd_weights_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

bool fits(int kernel, int stride, int dilation) {
  return kernel > kStridedWindow && kernel <= 2 * kStridedWindow && stride == 2 && dilation == 1;
}

// All of a block's tiles for one panel, a few at a time, whose M stays in L1.
void run_panel(const ConvolutionProblem& problem, const StridedPlan& plan, const OutputStage& stage,
               const std::byte* panel, std::int64_t tiles, int channel, int channels, void* output,
               std::byte* workspace, WinogradMultiply multiply, std::int64_t rows) {
  const WinogradTile* const table = reinterpret_cast<const WinogradTile*>(workspace);
  std::byte* const m = workspace + plan.m_at;
  std::int64_t first = 0, now = 0;
  // Parts of about one size rather than full ones and a tiny one.
  for (std::int64_t left = (tiles + rows - 1) / rows; left > 0; --left, first += now) {
    now = (tiles - first + left - 1) / left;
    for (std::int64_t position = 0; position < kWinogradPositions; ++position) {
      multiply(workspace + plan.u_at + position * plan.u_position_bytes + first * kStridedRowBytes, kStridedRowBytes,
               plan.steps * 4, now, panel + kWinogradHeadBytes + position * plan.w_position_bytes, false,
               reinterpret_cast<Acc*>(m + position * plan.m_position_bytes));
    }
    for (std::int64_t tile = 0; tile < now; ++tile) {
      transform_output_3x3(problem, stage, table[first + tile], m + tile * std::int64_t{sizeof(Acc)},
                           plan.m_position_bytes, panel, channel, channels, output);
    }
  }
}

}  // namespace

Refusal refuse_strided(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  const bool window =
      fits(shape.kernel_h, shape.stride_h, shape.dilation_h) && fits(shape.kernel_w, shape.stride_w, shape.dilation_w);
  if (!window) return {.why = "its windows are not of 5 to 8 pixels with stride 2 and no dilation"};
  if (shape.groups != 1) return {.why = "it has groups"};
  if (shape.in_c > kStridedChannels) return {.why = "it has more than 4 input channels"};
  if (const Refusal wide = refuse_wide_ranges(problem); wide.why != nullptr) return wide;
  return refuse_large_winograd_sums(problem);
}

double strided_cost(const ConvolutionProblem& problem, const costs::Winograd& costs) {
  const ConvolutionShape& shape = problem.shape;
  const StridedPlan plan = plan_strided(shape);
  const std::int64_t rows = (std::int64_t{shape.out_h} + kStridedOutputs - 1) / kStridedOutputs;
  const double tiles = static_cast<double>(rows * plan.tile_columns);
  const double panels = static_cast<double>(plan.panels);
  return tiles * (kWinogradPositions * panels * (static_cast<double>(plan.steps) * costs.step + costs.row) +
                  costs.input + panels * costs.output);
}

std::size_t strided_packed_bytes(const ConvolutionProblem& problem) {
  const StridedPlan plan = plan_strided(problem.shape);
  return static_cast<std::size_t>(plan.panels * plan.panel_bytes);
}

std::size_t strided_workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(plan_strided(problem.shape).workspace_bytes);
}

void run_strided(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                 const ConvolutionPart& part, std::byte* workspace, WinogradMultiply multiply, std::int64_t rows) {
  const StridedPlan plan = plan_strided(problem.shape);
  const OutputStage stage = output_stage(problem);
  prepare_strided(problem, plan, workspace);
  for_each_segment<kStridedOutputs>(
      problem.shape, part, plan,
      [&](const WinogradSegment& segment, std::int64_t first) {
        transform_strided(problem, plan, input, segment, first, workspace);
      },
      [&](std::int64_t tiles) {
        for (int channel = part.channel_begin; channel < part.channel_end; channel += 16) {
          const int channels = part.channel_end - channel < 16 ? part.channel_end - channel : 16;
          run_panel(problem, plan, stage, packed + channel / 16 * plan.panel_bytes, tiles, channel, channels, output,
                    workspace, multiply, rows);
        }
      });
}

namespace {

double estimate(const ConvolutionProblem& problem) { return strided_cost(problem, costs::kWinogradStrided); }

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  const Refusal refusal = refuse_strided(problem);
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  run_strided(problem, packed, input, output, part, workspace, multiply_winograd, kWinogradTileRows);
}

}  // namespace

const ConvolutionKernel kWinogradStrided{
    .name = "winograd_s16_3x3_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kWords,
    .estimate = estimate,
    .offer = offer,
    .channel_step = winograd_channel_step,
    .packed_bytes = strided_packed_bytes,
    .pack = pack_strided,
    .workspace_bytes = strided_workspace_bytes,
    .run = run,
    .row_step = kStridedOutputs,
};

}  // namespace narrow::kernels::avx2
