#include "kernels/avx2/winograd/winograd_strided_plan_avx2.h"

#include <cstring>

#include "base/arithmetic.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/winograd/winograd_input_avx2.h"
#include "kernels/avx2/winograd/winograd_strided_run_avx2.h"
#include "kernels/avx2/winograd/winograd_weights_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

// A row of the widest common pictures; U of them stays in L2.
constexpr std::int64_t kMostTiles = 48;
constexpr std::int64_t kStagger = 64;

// G g for one column or row of 4.
void transform(const std::int32_t* g, int g_step, std::int32_t* out, int out_step) {
  const std::int32_t g0 = g[0], g1 = g[g_step], g2 = g[2 * g_step], g3 = g[3 * g_step];
  out[0] = 6 * g0;
  out[out_step] = g0 + g1 + g2 + g3;
  out[2 * out_step] = g0 - g1 + g2 - g3;
  out[3 * out_step] = g0 + 2 * g1 + 4 * g2 + 8 * g3;
  out[4 * out_step] = g0 - 2 * g1 + 4 * g2 - 8 * g3;
  out[5 * out_step] = 6 * g3;
}

// W of one output channel, and of what one of the 2 x 2 pixels has in one channel.
void transform_weights(const ConvolutionShape& shape, const std::int8_t* weights, int row, int column, int channel,
                       std::int32_t* w) {
  std::int32_t g[kStridedWindow * kStridedWindow] = {};
  for (int a = 0; 2 * a + row < shape.kernel_h; ++a) {
    for (int b = 0; 2 * b + column < shape.kernel_w; ++b) {
      g[a * kStridedWindow + b] =
          widened(weights[((2 * a + row) * shape.kernel_w + 2 * b + column) * shape.in_c + channel]);
    }
  }
  std::int32_t columns[kWinogradInputs * kStridedWindow];
  for (int b = 0; b < kStridedWindow; ++b) transform(g + b, kStridedWindow, columns + b, kStridedWindow);
  for (int i = 0; i < kWinogradInputs; ++i) transform(columns + i * kStridedWindow, 1, w + i * kWinogradInputs, 1);
}

}  // namespace

StridedPlan plan_strided(const ConvolutionShape& shape) {
  StridedPlan plan{};
  plan.elements = 2 * std::int64_t{shape.in_c};
  plan.steps = plan.elements;
  plan.panels = base::ceil_div(shape.out_c, 16);
  plan.tile_columns = base::ceil_div(shape.out_w, kStridedOutputs);
  plan.segment_tiles = base::ceil_div(plan.tile_columns, base::ceil_div(plan.tile_columns, kMostTiles));
  plan.block_tiles = kMostTiles / plan.segment_tiles * plan.segment_tiles;
  plan.w_position_bytes = plan.steps * kWinogradWBytes;
  plan.panel_bytes = kWinogradHeadBytes + kWinogradPositions * plan.w_position_bytes;
  plan.line_bytes = base::round_up((plan.segment_tiles * kStridedOutputs + 3) * plan.elements * 2, 64) + kStagger;
  plan.u_position_bytes = plan.block_tiles * kStridedRowBytes + kStagger;
  plan.m_position_bytes = base::min(plan.block_tiles, kStridedMostRows) * std::int64_t{sizeof(Acc)} + kStagger;
  plan.padding_at = base::round_up(plan.block_tiles * std::int64_t{sizeof(WinogradTile)}, 64);
  plan.lines_at = plan.padding_at + base::round_up(plan.line_bytes / 2, 64);
  plan.u_at = plan.lines_at + 2 * kWinogradInputs * plan.line_bytes + 64;  // elements behind the last may be read
  plan.m_at = plan.u_at + kWinogradPositions * plan.u_position_bytes;
  plan.workspace_bytes = plan.m_at + kWinogradPositions * plan.m_position_bytes;
  return plan;
}

void pack_strided(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
  const ConvolutionShape& shape = problem.shape;
  const StridedPlan plan = plan_strided(shape);
  std::memset(packed, 0, static_cast<std::size_t>(plan.panels * plan.panel_bytes));
  for (int c = 0; c < shape.out_c; ++c) {
    std::byte* const panel = packed + c / 16 * plan.panel_bytes;
    const int lane = place_in_panel(c % 16);
    reinterpret_cast<std::int32_t*>(panel)[lane] = static_cast<std::int32_t>(folded_bias(problem, c));
    reinterpret_cast<float*>(panel + 64)[lane] = problem.multiplier[c];
    for (int element = 0; element < 2 * plan.elements; ++element) {
      const int row = element / static_cast<int>(plan.elements);
      const int in_row = element % static_cast<int>(plan.elements);
      std::int32_t w[kWinogradPositions];
      transform_weights(shape, problem.weights + c * shape.depth(), row, in_row / shape.in_c, in_row % shape.in_c, w);
      for (int position = 0; position < kWinogradPositions; ++position) {
        std::byte* const at = panel + kWinogradHeadBytes + position * plan.w_position_bytes;
        reinterpret_cast<std::int16_t*>(at)[element / 2 * 32 + lane * 2 + element % 2] =
            static_cast<std::int16_t>(w[position]);
      }
    }
  }
}

}  // namespace narrow::kernels::avx2
