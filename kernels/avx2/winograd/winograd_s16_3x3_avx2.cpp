// winograd_s16_3x3_avx2: Winograd's F(3x3, 4x4) for windows of 5 to 8 pixels and stride 2 on images of up to 4
// channels, such as the first layer of a ResNet. A pair of channels takes 36 products for a Winograd tile of 3 x 3
// outputs.
//
// Weights of 0 extend smaller windows to 8 x 8. A window of 8 x 8 and stride 2 is a window of 4 x 4 and stride 1 on
// pixels of 2 x 2 pixels. These have 4 times the channels, (row, column, channel); the channels of one row are
// neighbours in the image. The points of interpolation are those of F(4x4, 3x3), so B is the same
// (winograd_s16_4x4_avx2.h).
//
//       6  0  0  0
//       1  1  1  1          1  4  4  1  1  0
//   G = 1 -1  1 -1      A = 0  2 -2  1 -1  0      A M A^T = 9 * 2^(k[row] + k[column]) * acc,    k = 3, 2, 1
//       1  2  4  8          0  1  1  1  1  1
//       1 -2  4 -8
//       0  0  0  6
//
// Ranges: W is within 225 * 128 = 28800 and U within 17340, so both are int16, and a vpmaddwd of both is an int32. The
// rest of the proof is that of winograd_s16_4x4_avx2.h.
//
// Packed panels: int32 bias[16], float multiplier[16], then W [position][step][16 channels][2] int16, channels in the
// order of Acc. The bias includes -zero_point * sum(w). In each image, the first Winograd tiles of a part begin at its
// first row.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/arithmetic.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/winograd_s16_4x4_avx2.h"
#include "kernels/avx2/shared/winograd_tiles_avx2.h"
#include "kernels/avx2/winograd/winograd_s16_transforms_avx2.h"
#include "kernels/convolution.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kStridedOutputs = 3;             // of a Winograd tile, in each direction
constexpr int kStridedWindow = 4;              // of pixels of 2 x 2
constexpr int kStridedChannels = 4;            // of the image, at most
constexpr int kStridedRowBytes = 32;           // of U of a tile and position: 4 * channels int16, then unused bytes
constexpr std::int64_t kStridedMostRows = 12;  // of a product

// In the workspace, all 64-byte aligned: tile table; a line of zero points; twice 6 lines of B d, one set for each row
// of the pixels of 2 x 2, [element] int16; U [position][tile][4 * channels] int16; M [position][tile] of one panel of
// 16 output channels for some of the tiles.
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

// The tiles in a row of the widest common images. Their U stays in L2.
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

// W of one output channel for one channel of one of the 2 x 2 pixels.
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
  plan.u_at = plan.lines_at + 2 * kWinogradInputs * plan.line_bytes + 64;  // elements after the last may be read
  plan.m_at = plan.u_at + kWinogradPositions * plan.u_position_bytes;
  plan.workspace_bytes = plan.m_at + kWinogradPositions * plan.m_position_bytes;
  return plan;
}

__attribute__((cold)) void pack_strided(const ConvolutionProblem& problem, const std::int64_t* /*proof*/,
                                        std::byte* packed) {
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

// B d of the upper or the lower rows of the pixels of 2 x 2 of a Winograd tile run.
void load_lines(const ConvolutionProblem& problem, const StridedPlan& plan, const std::uint8_t* input,
                const WinogradSegment& segment, int lower, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  std::byte* const lines = workspace + plan.lines_at + lower * kWinogradInputs * plan.line_bytes;
  // Pixels of the image. [begin, end) of them lie inside.
  const std::int64_t pixels = 2 * (segment.tiles * kStridedOutputs + kStridedOutputs);
  const std::int64_t x = 2 * segment.column - shape.pad.left;
  const std::int64_t begin = base::clamped(-x, 0, pixels);
  const std::int64_t end = base::clamped(shape.in_w - x, begin, pixels);
  const std::uint8_t* const image = input + segment.row / shape.out_h * shape.in_h * shape.in_w * shape.in_c;
  const std::int64_t y = segment.row % shape.out_h * 2 + lower - shape.pad.top;
  const std::uint8_t* rows[kWinogradInputs];
  for (int i = 0; i < kWinogradInputs; ++i) {
    const std::int64_t row = y + 2 * i;
    const bool inside = row >= 0 && row < shape.in_h && begin < end;
    rows[i] = inside ? image + (row * shape.in_w + x + begin) * shape.in_c
                     : reinterpret_cast<const std::uint8_t*>(workspace + plan.padding_at);
  }
  const std::int64_t pixel_bytes = std::int64_t{shape.in_c} * 2;
  fill_columns(problem.input_zero_point, begin * shape.in_c, lines, plan.line_bytes);
  fill_columns(problem.input_zero_point, (pixels - end) * shape.in_c, lines + end * pixel_bytes, plan.line_bytes);
  if (begin < end) transform_columns(rows, (end - begin) * shape.in_c, lines + begin * pixel_bytes, plan.line_bytes);
}

// 8 elements of each of two rows.
NARROW_INLINE __m256i load_both(const std::byte* upper, const std::byte* lower) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(upper));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower)),
                                 1);
}

// The shuffle that puts pairs of elements of both rows next to each other.
__m256i order_of_pairs(const ConvolutionShape& shape) {
  const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i of_lower = _mm256_cmpgt_epi32(places, _mm256_set1_epi32(shape.in_c - 1));
  return _mm256_add_epi32(places, _mm256_and_si256(of_lower, _mm256_set1_epi32(kStridedChannels - shape.in_c)));
}

void prepare_strided(const ConvolutionProblem& problem, const StridedPlan& plan, std::byte* workspace) {
  std::memset(workspace + plan.padding_at, problem.input_zero_point,
              static_cast<std::size_t>(plan.lines_at - plan.padding_at));
}

[[gnu::noinline]] void transform_strided(const ConvolutionProblem& problem, const StridedPlan& plan,
                                         const std::uint8_t* input, const WinogradSegment& segment, std::int64_t first,
                                         std::byte* workspace) {
  load_lines(problem, plan, input, segment, 0, workspace);
  load_lines(problem, plan, input, segment, 1, workspace);
  fill_table<kStridedOutputs>(problem.shape, segment, reinterpret_cast<WinogradTile*>(workspace) + first);
  const std::int64_t step = plan.elements * 2;
  const __m256i order = order_of_pairs(problem.shape);
  for (int i = 0; i < kWinogradInputs; ++i) {
    const std::byte* upper = workspace + plan.lines_at + i * plan.line_bytes;
    const std::byte* lower = upper + kWinogradInputs * plan.line_bytes;
    std::byte* u = workspace + plan.u_at + i * kWinogradInputs * plan.u_position_bytes + first * kStridedRowBytes;
    for (std::int64_t tile = 0; tile < segment.tiles; ++tile, u += kStridedRowBytes) {
      __m256i d[kWinogradInputs], out[kWinogradInputs];
      for (int j = 0; j < kWinogradInputs; ++j) d[j] = load_both(upper + j * step, lower + j * step);
      transform_winograd_input(d, out);
      for (int j = 0; j < kWinogradInputs; ++j) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(u + j * plan.u_position_bytes),
                           _mm256_permutevar8x32_epi32(out[j], order));
      }
      upper += kStridedOutputs * step;
      lower += kStridedOutputs * step;
    }
  }
}

bool fits(int kernel, int stride, int dilation) {
  return kernel > kStridedWindow && kernel <= 2 * kStridedWindow && stride == 2 && dilation == 1;
}

// All tiles of a block for one panel. A few at a time, so that their M stays in L1.
void run_panel(const ConvolutionProblem& problem, const StridedPlan& plan, const OutputStage& stage,
               const std::byte* panel, std::int64_t tiles, int channel, int channels, void* output,
               std::byte* workspace, std::int64_t rows) {
  const WinogradTile* const table = reinterpret_cast<const WinogradTile*>(workspace);
  std::byte* const m = workspace + plan.m_at;
  std::int64_t first = 0, now = 0;
  // Parts of nearly equal size, because full parts and a tiny one would take longer.
  for (std::int64_t left = (tiles + rows - 1) / rows; left > 0; --left, first += now) {
    now = (tiles - first + left - 1) / left;
    for (std::int64_t position = 0; position < kWinogradPositions; ++position) {
      multiply_winograd(workspace + plan.u_at + position * plan.u_position_bytes + first * kStridedRowBytes,
                        kStridedRowBytes, plan.steps * 4, now,
                        panel + kWinogradHeadBytes + position * plan.w_position_bytes, false,
                        reinterpret_cast<Acc*>(m + position * plan.m_position_bytes));
    }
    for (std::int64_t tile = 0; tile < now; ++tile) {
      transform_output_3x3(problem, stage, table[first + tile], m + tile * std::int64_t{sizeof(Acc)},
                           plan.m_position_bytes, panel, channel, channels, output);
    }
  }
}

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

// `rows` (1 to kStridedMostRows): the number of tiles that multiply_winograd takes at a time.
void run_strided(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                 const ConvolutionPart& part, std::byte* workspace, std::int64_t rows) {
  const StridedPlan plan = plan_strided(problem.shape);
  const OutputStage stage = output_stage(problem, part);
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
                    workspace, rows);
        }
      });
}

double estimate(const ConvolutionProblem& problem) {
  return strided_cost(problem, problem.costs->winograd_s16_3x3_avx2);
}

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  const Refusal refusal = refuse_strided(problem);
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  run_strided(problem, packed, input, output, part, workspace, kWinogradTileRows);
}

}  // namespace

const ConvolutionKernel kWinograd3x3{
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
