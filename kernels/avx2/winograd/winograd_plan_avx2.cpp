#include "kernels/avx2/shared/winograd_plan_avx2.h"

#include "base/arithmetic.h"
#include "kernels/avx2/winograd/winograd_input_avx2.h"
#include "kernels/avx2/winograd/winograd_weights_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

// U of a block stays in L2 next to what it meets.
constexpr std::int64_t kUBytes = 300 * 1024;
// More tiles use weights no better, and M leaves L1.
constexpr std::int64_t kMostTiles = 48;
constexpr std::int64_t kFewestTiles = 8;
// W of a layer beyond this is expanded from its weights for each block: it costs less time than it takes L3 to deliver
// eight times the bytes, and memory.
constexpr std::int64_t kMostWBytes = 320 * 1024;
constexpr std::int64_t kChunkChannels = 128;
// Positions are not a multiple of 4 KiB apart, or 36 of them would share the few ways of a set of L1.
constexpr std::int64_t kStagger = 64;

}  // namespace

WinogradPlan plan_winograd(const ConvolutionShape& shape) {
  WinogradPlan plan{};
  plan.channels = base::round_up(shape.in_c, 16);
  plan.panels = base::ceil_div(shape.out_c, 16);
  plan.tile_columns = base::ceil_div(shape.out_w, kWinogradOutputs);
  const std::int64_t u_bytes = kWinogradPositions * plan.channels * 2;  // of a tile
  const std::int64_t fitting = base::max(base::min(kUBytes / u_bytes, kMostTiles), kFewestTiles);
  // Whole rows of tiles where possible, else parts of one, all of about one size.
  plan.segment_tiles = base::ceil_div(plan.tile_columns, base::ceil_div(plan.tile_columns, fitting));
  plan.block_tiles = fitting / plan.segment_tiles * plan.segment_tiles;
  plan.expands = plan.panels * 16 * u_bytes > kMostWBytes;
  plan.chunk_channels = base::min(kChunkChannels, plan.channels);
  plan.panel_bytes = kWinogradHeadBytes + (plan.expands ? plan.channels / 2 * kWinogradStepBytes
                                                        : kWinogradPositions * plan.channels / 2 * kWinogradWBytes);
  plan.line_bytes = base::round_up((plan.segment_tiles * kWinogradOutputs + 2) * shape.in_c * 2, 64) + kStagger;
  plan.u_position_bytes = plan.block_tiles * plan.channels * 2 + kStagger;
  plan.m_position_bytes = plan.block_tiles * 64 + kStagger;
  plan.w_position_bytes =
      plan.expands ? plan.chunk_channels / 2 * kWinogradWBytes + kStagger : plan.channels / 2 * kWinogradWBytes;
  plan.padding_at = base::round_up(plan.block_tiles * std::int64_t{sizeof(WinogradTile)}, 64);
  plan.lines_at = plan.padding_at + base::round_up(plan.line_bytes / 2, 64);
  plan.u_at = plan.lines_at + kWinogradInputs * plan.line_bytes + 64;  // channels behind the last pixel's may be read
  plan.m_at = plan.u_at + kWinogradPositions * plan.u_position_bytes;
  plan.w_at = plan.m_at + kWinogradPositions * plan.m_position_bytes;
  plan.workspace_bytes = plan.w_at + (plan.expands ? kWinogradPositions * plan.w_position_bytes : 0);
  return plan;
}

}  // namespace narrow::kernels::avx2
