// winograd_s16_4x4_avx2: F(4x4, 3x3) in 16-bit integers for 3x3 windows of stride 1, one group and any padding. It
// takes a quarter of the products of convolution_s16_6x16_avx2. It is exact for any 8 x 8 bits where sums are within
// 2^25, which the weights prove. The mathematics and the proof are in winograd_s16_4x4_avx2.h.
// Packed: see winograd_s16_transforms_avx2.h. In each image, the first Winograd tiles of a part begin at its first row.
#include "kernels/avx2/shared/winograd_s16_4x4_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "base/arithmetic.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/winograd_tiles_avx2.h"
#include "kernels/avx2/winograd/winograd_s16_transforms_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

// U of a block stays in L2 together with the weights that it is multiplied by.
constexpr std::int64_t kUBytes = 300 * 1024;
// With more tiles, weights are used no better, and M no longer fits L1.
constexpr std::int64_t kMostTiles = 48;
constexpr std::int64_t kFewestTiles = 8;
// If W of a layer is larger than this, each block transforms the weights again. This takes less time than loading eight
// times the bytes from L3, and less memory.
constexpr std::int64_t kMostWBytes = 320 * 1024;
constexpr std::int64_t kChunkChannels = 128;
// The distance between positions is not a multiple of 4 KiB. Otherwise all 36 would use the same few ways of an L1 set.
constexpr std::int64_t kStagger = 64;

}  // namespace

WinogradPlan plan_winograd(const ConvolutionShape& shape, int panels) {
  WinogradPlan plan{};
  plan.channels = base::round_up(shape.in_c, 16);
  plan.panels = base::ceil_div(shape.out_c, 16);
  plan.tile_columns = base::ceil_div(shape.out_w, kWinogradOutputs);
  const std::int64_t u_bytes = kWinogradPositions * plan.channels * 2;  // of a Winograd tile
  const std::int64_t fitting = base::max(base::min(kUBytes / u_bytes, kMostTiles), kFewestTiles);
  // Whole rows of tiles where possible, otherwise parts of a row of nearly equal size.
  plan.segment_tiles = base::ceil_div(plan.tile_columns, base::ceil_div(plan.tile_columns, fitting));
  plan.block_tiles = fitting / plan.segment_tiles * plan.segment_tiles;
  plan.transforms_weights = plan.panels * 16 * u_bytes > kMostWBytes;
  plan.chunk_channels = base::min(kChunkChannels, plan.channels);
  plan.panel_bytes =
      kWinogradHeadBytes + (plan.transforms_weights ? plan.channels / 2 * kWinogradStepBytes
                                                    : kWinogradPositions * plan.channels / 2 * kWinogradWBytes);
  plan.line_bytes = base::round_up((plan.segment_tiles * kWinogradOutputs + 2) * shape.in_c * 2, 64) + kStagger;
  plan.u_position_bytes = plan.block_tiles * plan.channels * 2 + kStagger;
  plan.m_position_bytes = plan.block_tiles * 64 + kStagger;
  plan.w_position_bytes = plan.transforms_weights ? plan.chunk_channels / 2 * kWinogradWBytes + kStagger
                                                  : plan.channels / 2 * kWinogradWBytes;
  plan.padding_at = base::round_up(plan.block_tiles * std::int64_t{sizeof(WinogradTile)}, 64);
  plan.lines_at = plan.padding_at + base::round_up(plan.line_bytes / 2, 64);
  plan.u_at =
      plan.lines_at + kWinogradInputs * plan.line_bytes + 64;  // channels after those of the last pixel may be read
  plan.m_at = plan.u_at + kWinogradPositions * plan.u_position_bytes;
  plan.m_bytes = kWinogradPositions * plan.m_position_bytes;
  plan.w_bytes = plan.transforms_weights ? kWinogradPositions * plan.w_position_bytes : 0;
  plan.w_at = plan.m_at + panels * plan.m_bytes;
  plan.workspace_bytes = plan.w_at + panels * plan.w_bytes;
  return plan;
}

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
  const double blocks = plan.transforms_weights ? __builtin_ceil(tiles / static_cast<double>(plan.block_tiles)) : 0;
  return tiles * (kWinogradPositions * panels * (steps * costs.step + costs.row) + steps / 8 * costs.input +
                  panels * costs.output) +
         blocks * panels * steps * costs.weights;
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

void load_lines(const ConvolutionProblem& problem, const WinogradPlan& plan, const std::uint8_t* input,
                const WinogradSegment& segment, std::byte* workspace, const WinogradFunctions& functions) {
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t pixel_bytes = std::int64_t{shape.in_c} * 2;
  const SegmentInput<kWinogradInputs> in =
      segment_input<kWinogradInputs>(shape, input, segment, workspace + plan.padding_at);
  std::byte* const lines = workspace + plan.lines_at;
  fill_columns(problem.input_zero_point, in.begin * shape.in_c, lines, plan.line_bytes);
  fill_columns(problem.input_zero_point, (in.pixels - in.end) * shape.in_c, lines + in.end * pixel_bytes,
               plan.line_bytes);
  if (in.begin == in.end) return;
  functions.transform_columns(in.rows, (in.end - in.begin) * shape.in_c, lines + in.begin * pixel_bytes,
                              plan.line_bytes);
}

// Transforms line `line` of each tile to U of its six positions. The inner loop is over channels and the outer one over
// lines, so that few streams of memory are read at a time.
void transform_row(const std::byte* line, std::int64_t pixel_bytes, std::int64_t channels, std::int64_t position_bytes,
                   std::byte* u) {
  __m256i d[kWinogradInputs], out[kWinogradInputs];
  for (std::int64_t at = 0; at < channels * 2; at += 32) {
    for (int i = 0; i < kWinogradInputs; ++i) {
      d[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + i * pixel_bytes + at));
    }
    transform_winograd_input(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(u + i * position_bytes + at), out[i]);
    }
  }
}

void multiply_panel(const WinogradProducts& products) {
  multiply_winograd(products.u, products.row_bytes, products.u_bytes, products.rows, products.w[0], products.adds,
                    products.m[0]);
}

void prepare_padding(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* workspace) {
  std::memset(workspace + plan.padding_at, problem.input_zero_point,
              static_cast<std::size_t>(plan.lines_at - plan.padding_at));
}

[[gnu::noinline]] void transform_inputs(const ConvolutionProblem& problem, const WinogradPlan& plan,
                                        const std::uint8_t* input, const WinogradSegment& segment, std::int64_t first,
                                        std::byte* workspace, const WinogradFunctions& functions) {
  const ConvolutionShape& shape = problem.shape;
  load_lines(problem, plan, input, segment, workspace, functions);
  const std::int64_t pixel_bytes = std::int64_t{shape.in_c} * 2;
  fill_table<kWinogradOutputs>(shape, segment, reinterpret_cast<WinogradTile*>(workspace) + first);
  for (int i = 0; i < kWinogradInputs; ++i) {
    const std::byte* line = workspace + plan.lines_at + i * plan.line_bytes;
    std::byte* u = workspace + plan.u_at + i * kWinogradInputs * plan.u_position_bytes + first * plan.channels * 2;
    for (std::int64_t tile = 0; tile < segment.tiles; ++tile) {
      functions.transform_row(line, pixel_bytes, plan.channels, plan.u_position_bytes, u);
      line += kWinogradOutputs * pixel_bytes;
      u += plan.channels * 2;
    }
  }
}

// M of the block's tiles for `panels` panels, the first of which is at `panel`.
void multiply_block(const WinogradPlan& plan, std::int64_t tiles, int panels, const std::byte* panel,
                    std::byte* workspace, const WinogradFunctions& functions) {
  const std::int64_t chunk = plan.transforms_weights ? plan.chunk_channels : plan.channels;
  WinogradProducts products{};
  products.row_bytes = plan.channels * 2;
  products.rows = tiles;
  products.panels = panels;
  products.w_ahead = plan.w_position_bytes;
  for (std::int64_t k = 0; k < plan.channels; k += chunk) {
    const std::int64_t now = plan.channels - k < chunk ? plan.channels - k : chunk;
    products.adds = k > 0;
    products.u_bytes = now * 2;
    const std::byte* w[2] = {};
    for (int i = 0; i < panels; ++i) {
      w[i] = panel + i * plan.panel_bytes + kWinogradHeadBytes;
      if (!plan.transforms_weights) continue;
      std::byte* const to = workspace + plan.w_at + i * plan.w_bytes;
      functions.transform_weights(w[i] + k / 2 * kWinogradStepBytes, now / 2, plan.w_position_bytes, to);
      w[i] = to;
    }
    for (std::int64_t position = 0; position < kWinogradPositions; ++position) {
      products.u = workspace + plan.u_at + position * plan.u_position_bytes + k * 2;
      for (int i = 0; i < panels; ++i) {
        products.w[i] = w[i] + position * plan.w_position_bytes;
        products.m[i] =
            reinterpret_cast<Acc*>(workspace + plan.m_at + i * plan.m_bytes + position * plan.m_position_bytes);
      }
      functions.multiply(products);
    }
  }
}

// The panels of the part for the tiles in the workspace.
[[gnu::noinline]] void run_block(const ConvolutionProblem& problem, const WinogradPlan& plan, const OutputStage& stage,
                                 const std::byte* packed, std::int64_t tiles, const ConvolutionPart& part, void* output,
                                 std::byte* workspace, const WinogradFunctions& functions) {
  const WinogradTile* const table = reinterpret_cast<const WinogradTile*>(workspace);
  for (int first = part.channel_begin; first < part.channel_end; first += functions.panels * 16) {
    const int left = (part.channel_end - first + 15) / 16;
    const int panels = left < functions.panels ? left : functions.panels;
    multiply_block(plan, tiles, panels, packed + first / 16 * plan.panel_bytes, workspace, functions);
    for (int i = 0; i < panels; ++i) {
      const int channel = first + i * 16;
      const int channels = part.channel_end - channel < 16 ? part.channel_end - channel : 16;
      const std::byte* const m = workspace + plan.m_at + i * plan.m_bytes;
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        functions.transform_output(problem, stage, table[tile], m + tile * std::int64_t{sizeof(Acc)},
                                   plan.m_position_bytes, packed + channel / 16 * plan.panel_bytes, channel, channels,
                                   output);
      }
    }
  }
}

}  // namespace

void run_winograd(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace, const WinogradFunctions& functions) {
  const WinogradPlan plan = plan_winograd(problem.shape, functions.panels);
  const OutputStage stage = output_stage(problem, part);
  prepare_padding(problem, plan, workspace);
  for_each_segment<kWinogradOutputs>(
      problem.shape, part, plan,
      [&](const WinogradSegment& segment, std::int64_t first) {
        transform_inputs(problem, plan, input, segment, first, workspace, functions);
      },
      [&](std::int64_t tiles) { run_block(problem, plan, stage, packed, tiles, part, output, workspace, functions); });
}

const WinogradFunctions kWinogradAvx2{
    1, multiply_panel, transform_columns, transform_row, transform_weights, transform_output_4x4};

namespace {

double estimate(const ConvolutionProblem& problem) {
  return winograd_cost(problem, problem.costs->winograd_s16_4x4_avx2);
}

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  const Refusal refusal = refuse_winograd(problem);
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  run_winograd(problem, packed, input, output, part, workspace, kWinogradAvx2);
}

}  // namespace

const ConvolutionKernel kWinogradS16{
    .name = "winograd_s16_4x4_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kWords,
    .estimate = estimate,
    .offer = offer,
    .channel_step = winograd_channel_step,
    .packed_bytes = winograd_packed_bytes,
    .pack = pack_winograd_layer,
    .workspace_bytes = winograd_workspace_bytes,
    .run = run,
    .row_step = kWinogradOutputs,
};

}  // namespace narrow::kernels::avx2
