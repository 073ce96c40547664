// winograd_u8_2x2_avx2: F(2x2, 3x3) in bytes for 3x3 windows of stride 1, one group, any padding, and weights of at
// most 4 and activations of at most 6 bits. It takes 16 products instead of 36 and adds most of them in 16 bits. See
// winograd_u8_2x2_avx2.h.
#include "kernels/avx2/shared/winograd_u8_2x2_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "base/arithmetic.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/convolution_runs_avx2.h"
#include "kernels/avx2/shared/convolution_tile_avx2.h"
#include "kernels/avx2/shared/winograd_tiles_avx2.h"
#include "kernels/avx2/shared/winograd_u8_2x2_weights_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

// U of a block stays in L2 together with the weights that it is multiplied by.
constexpr std::int64_t kUBytes = 256 * 1024;
constexpr std::int64_t kFewestTiles = 8;
// The distance between positions is not a multiple of 4 KiB. Otherwise all 16 would use the same few ways of an L1 set.
constexpr std::int64_t kStagger = 64;
// If W of a layer is larger than this, each block computes it again. This takes less time than loading 16 bytes instead
// of 9 from L3, and less memory.
constexpr std::int64_t kMostWBytes = 640 * 1024;
constexpr std::int64_t kLargestSum = std::int64_t{1} << 28;  // 4 times it is an int32

}  // namespace

ByteWinogradPlan plan_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradFormat& format) {
  const ConvolutionShape& shape = problem.shape;
  ByteWinogradPlan plan{};
  plan.storage = weight_storage(problem);
  plan.channels = base::round_up(shape.in_c, 4);
  plan.vectors = base::min(format.vectors, base::ceil_div(shape.out_c, 16));
  plan.panels = base::ceil_div(shape.out_c, 16 * plan.vectors);
  plan.tile_columns = base::ceil_div(shape.out_w, kByteWinogradOutputs);
  plan.u_row_bytes = base::round_up(shape.in_c, 32);
  const std::int64_t u_bytes = kByteWinogradPositions * plan.u_row_bytes;  // of a Winograd tile
  const std::int64_t fitting = base::max(base::min(kUBytes / u_bytes, format.tiles), kFewestTiles);
  // Whole rows of tiles where possible, otherwise parts of a row of nearly equal size.
  plan.segment_tiles = base::ceil_div(plan.tile_columns, base::ceil_div(plan.tile_columns, fitting));
  plan.block_tiles = fitting / plan.segment_tiles * plan.segment_tiles;
  plan.head_bytes = kByteWinogradPositions * std::int64_t{sizeof(std::int64_t)} + 6 * 64 * plan.vectors;
  plan.position_bytes = kByteWinogradPositionHead + plan.weight_bytes();
  const std::int64_t w_bytes = kByteWinogradPositions * plan.position_bytes;
  plan.transforms_weights = plan.panels * w_bytes > kMostWBytes;
  plan.panel_bytes = plan.head_bytes + (plan.transforms_weights ? base::round_up(9 * plan.tap_bytes(), 64) : w_bytes);
  plan.line_bytes = base::round_up((plan.segment_tiles * kByteWinogradOutputs + 2) * shape.in_c, 64) + kStagger;
  plan.u_position_bytes = plan.block_tiles * plan.u_row_bytes + kStagger;
  plan.m_position_bytes = plan.block_tiles * plan.vectors * 64 + kStagger;
  plan.order_at = base::round_up(plan.block_tiles * std::int64_t{sizeof(const std::uint8_t*)}, 64);
  plan.table_at = plan.order_at + base::round_up(plan.block_tiles * std::int64_t{sizeof(std::int64_t)}, 64);
  plan.padding_at = plan.table_at + base::round_up(plan.block_tiles * std::int64_t{sizeof(WinogradTile)}, 64);
  plan.lines_at = plan.padding_at + plan.line_bytes;
  plan.u_at = plan.lines_at + kByteWinogradInputs * plan.line_bytes + 64;  // bytes after the last pixel may be read
  plan.m_at = plan.u_at + kByteWinogradPositions * plan.u_position_bytes;
  plan.w_at = plan.m_at + kByteWinogradPositions * plan.m_position_bytes;
  plan.workspace_bytes = plan.w_at + (plan.transforms_weights ? w_bytes : 0);
  return plan;
}

std::int32_t largest_byte_winograd_input(const ConvolutionProblem& problem) { return 4 * largest_byte(problem); }

Refusal refuse_byte_winograd(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  const bool fits = shape.kernel_h == 3 && shape.kernel_w == 3 && shape.stride_h == 1 && shape.stride_w == 1 &&
                    shape.dilation_h == 1 && shape.dilation_w == 1 && shape.groups == 1;
  if (!fits) return {.why = "it is not 3x3 with stride 1, no dilation and one group"};
  if (const Refusal wide = refuse_wide_ranges(problem); wide.why != nullptr) return wide;
  if (largest_byte_winograd_input(problem) > UINT8_MAX) return {.why = "its inputs may exceed 63"};
  if (9 * problem.weight_range.hi > INT8_MAX || 9 * problem.weight_range.lo < -INT8_MAX) {
    return {.why = "its weights may be beyond -14 or 14"};
  }
  for (int c = 0; c < shape.out_c; ++c) {
    if (largest_byte(problem) * problem.sums[c].magnitude() >= kLargestSum) {
      return {.why = "its sums may exceed 2^28", .channel = c};
    }
  }
  return {};
}

double byte_winograd_cost(const ConvolutionProblem& problem, const ByteWinogradFormat& format,
                          const costs::ByteWinograd& costs) {
  const ConvolutionShape& shape = problem.shape;
  const ByteWinogradPlan plan = plan_byte_winograd(problem, format);
  const std::int64_t rows = base::ceil_div(shape.out_h, kByteWinogradOutputs);
  const std::int64_t columns = base::ceil_div(shape.out_w, kByteWinogradOutputs);
  const double tiles = static_cast<double>(rows * columns);
  // The products of all positions. A row or column of outputs at an edge needs 3 of 4.
  const std::int64_t whole_rows = shape.out_h / kByteWinogradOutputs;
  const std::int64_t whole_columns = shape.out_w / kByteWinogradOutputs;
  const double products = static_cast<double>((3 * rows + whole_rows) * (3 * columns + whole_columns));
  const double vectors = static_cast<double>(plan.panels * plan.vectors);
  const double steps = static_cast<double>(plan.channels) / 4;
  return products * vectors * (steps * costs.step + costs.row) +
         tiles * (vectors * costs.output + static_cast<double>(plan.u_row_bytes) / 32 * costs.input);
}

namespace {

// The weight transform W = G g G^T.

constexpr int kTaps = 9;

// W of one output channel. Position p of input channel k is written to out[p * step + k]. Bytes may wrap in between;
// the results are in range.
void transform(const std::int8_t* weights, std::int64_t in_c, std::int64_t step, std::int8_t* out) {
  constexpr std::int64_t kChunk = sizeof(WinogradBytes);
  for (std::int64_t k = 0; k < in_c; k += kChunk) {
    // Nothing is read or written beyond the channels: the next ones of `weights` and `out` are others.
    const auto count = static_cast<std::size_t>(base::min(in_c - k, kChunk));
    WinogradBytes taps[kTaps];
    for (int tap = 0; tap < kTaps; ++tap) {
      taps[tap] = _mm256_setzero_si256();
      std::memcpy(taps + tap, weights + tap * in_c + k, count);
    }
    WinogradBytes columns[12];
    for (int i = 0; i < 3; ++i) transform_weights(taps[i], taps[3 + i], taps[6 + i], columns + i, 3);
    for (int i = 0; i < 4; ++i) {
      WinogradBytes row[4];
      transform_weights(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2], row, 1);
      for (int j = 0; j < 4; ++j) std::memcpy(out + (4 * i + j) * step + k, row + j, count);
    }
  }
}

std::int32_t sum_of(const std::int8_t* weights, std::int64_t count) {
  constexpr std::int64_t kChunk = sizeof(__m256i);
  __m256i sums = _mm256_setzero_si256();  // of weights + 128, four int64
  std::int64_t k = 0;
  for (; k + kChunk <= count; k += kChunk) {
    const __m256i chunk = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(weights + k));
    const __m256i bytes = _mm256_xor_si256(chunk, _mm256_set1_epi8(INT8_MIN));
    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
  }
  std::int64_t lanes[4];
  std::memcpy(lanes, &sums, sizeof lanes);
  std::int64_t sum = lanes[0] + lanes[1] + lanes[2] + lanes[3] - 128 * k;
  for (; k < count; ++k) sum += weights[k];
  return static_cast<std::int32_t>(sum);
}

// The sums of W of one output channel over its input channels. They are the transform of the sums of its taps.
void sum_positions(const std::int8_t* weights, std::int64_t in_c, std::int32_t* sums) {
  const auto apply = [](std::int32_t g0, std::int32_t g1, std::int32_t g2, std::int32_t* to, int stride) {
    to[0] = 2 * g0;
    to[stride] = g0 + g1 + g2;
    to[2 * stride] = g0 - g1 + g2;
    to[3 * stride] = 2 * g2;
  };
  std::int32_t taps[kTaps];
  for (int tap = 0; tap < kTaps; ++tap) taps[tap] = sum_of(weights + tap * in_c, in_c);
  std::int32_t columns[12];
  for (int i = 0; i < 3; ++i) apply(taps[i], taps[3 + i], taps[6 + i], columns + i, 3);
  for (int i = 0; i < 4; ++i) apply(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2], sums + 4 * i, 1);
}

// The part of the four outputs of channel c that the offsets of U add: A (offset * sum of W) A^T.
void pack_constants(const std::int32_t* sums, std::int32_t offset, std::byte* head, int lane) {
  std::int32_t m[4][4];
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) m[i][j] = i == 1 && j == 1 ? 0 : offset * sums[4 * i + j];
  }
  std::int32_t rows[2][4];
  for (int j = 0; j < 4; ++j) {
    rows[0][j] = m[0][j] + m[1][j] + m[2][j];
    rows[1][j] = m[1][j] - m[2][j] - m[3][j];
  }
  std::int32_t* const out = reinterpret_cast<std::int32_t*>(head) + lane;
  for (int i = 0; i < 2; ++i) {
    out[(2 * i) * 16] = rows[i][0] + rows[i][1] + rows[i][2];
    out[(2 * i + 1) * 16] = rows[i][1] - rows[i][2] - rows[i][3];
  }
}

// Writes one output channel's weights to its lane.
void place_weights(const ByteWinogradPlan& plan, const std::int8_t* weights, std::int64_t count, std::byte* to) {
  const std::int64_t step = plan.vectors * 64;
  std::int64_t k = 0;
  for (; k + 4 <= count; k += 4, to += step) std::memcpy(to, weights + k, 4);
  if (k < count) std::memcpy(to, weights + k, static_cast<std::size_t>(count - k));
}

// 16 output channels from `channel` on, which are vector `vector` of the panel.
void pack_vector(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, int channel, std::int64_t vector,
                 bool adds_words, std::int8_t* w, std::byte* panel) {
  const ConvolutionShape& shape = problem.shape;
  const int count = shape.out_c - channel < 16 ? shape.out_c - channel : 16;
  const std::int64_t position_elems = 16 * plan.channels;
  // Otherwise the sums of W are all that is packed, and it does not have to be computed.
  const bool needs_w = adds_words || !plan.transforms_weights;
  if (needs_w) std::memset(w, 0, static_cast<std::size_t>(kByteWinogradPositions * position_elems));
  const std::int32_t largest = largest_byte_winograd_input(problem);
  std::byte* const head = panel + kByteWinogradPositions * std::int64_t{sizeof(std::int64_t)} + vector * 6 * 64;
  for (int c = 0; c < count; ++c) {
    const std::int64_t out_channel = channel + c;
    const std::int8_t* const weights = problem.weights + out_channel * kTaps * shape.in_c;
    if (needs_w) transform(weights, shape.in_c, position_elems, w + c * plan.channels);
    std::int32_t sums[kByteWinogradPositions];
    sum_positions(weights, shape.in_c, sums);
    const int lane = place_in_panel(c);
    pack_constants(sums, largest / 2, head, lane);
    reinterpret_cast<std::int32_t*>(head + 4 * 64)[lane] = static_cast<std::int32_t>(folded_bias(problem, out_channel));
    reinterpret_cast<float*>(head + 5 * 64)[lane] = problem.multiplier[out_channel];
  }
  for (int p = 0; needs_w && p < kByteWinogradPositions; ++p) {
    const std::int8_t* const of_position = w + p * position_elems;
    if (adds_words) {
      reinterpret_cast<std::int64_t*>(panel)[p] =
          choose_run({of_position, 16, 1, plan.channels}, largest, problem.costs->accumulation_runs).steps;
    }
    if (plan.transforms_weights) continue;
    std::byte* const to = panel + plan.head_bytes + p * plan.position_bytes + kByteWinogradPositionHead + vector * 64;
    for (int c = 0; c < 16; ++c) {
      place_weights(plan, of_position + c * plan.channels, plan.channels, to + std::int64_t{place_in_panel(c)} * 4);
    }
  }
}

// Swaps the middle two quarters of each 64 bytes, see load_weights.
void swap_quarters(std::int8_t* bytes, std::int64_t count) {
  for (; count > 0; count -= 64, bytes += 64) {
    const __m128i second = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes + 16));
    std::memcpy(bytes + 16, bytes + 32, 16);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + 32), second);
  }
}

// One tap of all channels of a panel, from output channel `first` on. `bytes` holds plan.weight_bytes() bytes.
void pack_tap(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, std::int64_t first, int tap,
              std::int8_t* bytes, std::byte* to) {
  const std::int64_t in_c = problem.shape.in_c;
  std::memset(bytes, 0, static_cast<std::size_t>(plan.weight_bytes()));
  for (std::int64_t c = 0; c < 16 * plan.vectors && first + c < problem.shape.out_c; ++c) {
    place_weights(
        plan, problem.weights + ((first + c) * kTaps + tap) * in_c, in_c,
        reinterpret_cast<std::byte*>(bytes) + c / 16 * 64 + std::int64_t{place_in_panel(static_cast<int>(c % 16))} * 4);
  }
  if (plan.storage.bits == 4) swap_quarters(bytes, plan.weight_bytes());
  store_units(plan.storage, bytes, plan.weight_bytes() / kUnit, to);
}

}  // namespace

void pack_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradFormat& format, std::byte* packed) {
  const ByteWinogradPlan plan = plan_byte_winograd(problem, format);
  std::memset(packed, 0, static_cast<std::size_t>(kByteWinogradZeros + plan.panels * plan.panel_bytes));
  // Not a std::vector: the program must not contain copies of its functions that were compiled for this ISA.
  std::int8_t* const w = new std::int8_t[static_cast<std::size_t>(kByteWinogradPositions * 16 * plan.channels)];
  std::byte* panel = packed + kByteWinogradZeros;
  for (std::int64_t p = 0; p < plan.panels; ++p, panel += plan.panel_bytes) {
    for (std::int64_t vector = 0; vector < plan.vectors; ++vector) {
      const std::int64_t channel = (p * plan.vectors + vector) * 16;
      if (channel >= problem.shape.out_c) break;
      pack_vector(problem, plan, static_cast<int>(channel), vector, format.adds_words, w, panel);
    }
    for (int tap = 0; plan.transforms_weights && tap < kTaps; ++tap) {
      pack_tap(problem, plan, p * plan.vectors * 16, tap, w, panel + plan.head_bytes + tap * plan.tap_bytes());
    }
  }
  delete[] w;
}

namespace {

constexpr ByteWinogradFormat kFormat{.vectors = 1, .tiles = 42, .adds_words = true};

std::int32_t largest_weight(const ConvolutionProblem& problem) {
  return problem.weight_range.hi > -problem.weight_range.lo ? problem.weight_range.hi : -problem.weight_range.lo;
}

// The largest sum of two products, which vpmaddubsw adds in 16 bits.
std::int64_t largest_pair(const ConvolutionProblem& problem) {
  return std::int64_t{2} * largest_byte_winograd_input(problem) * 9 * largest_weight(problem);
}

Refusal refusal_of(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_byte_winograd(problem); refusal.why != nullptr) return refusal;
  if (largest_pair(problem) > INT16_MAX) return {.why = "two products of transformed bytes may exceed int16"};
  return {};
}

double estimate(const ConvolutionProblem& problem) {
  const double worst = static_cast<double>(largest_pair(problem) > 0 ? largest_pair(problem) : 1);
  costs::ByteWinograd costs = problem.costs->winograd_u8_2x2_avx2;
  costs.step += costs.widen / (costs.longer * INT16_MAX / worst);
  return byte_winograd_cost(problem, kFormat, costs);
}

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  const Refusal refusal = refusal_of(problem);
  return {.cycles = refusal.why == nullptr ? estimate(problem) : 0, .refusal = refusal};
}

int channel_step(const ConvolutionProblem& /*problem*/) { return kPanelChannels; }

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const ByteWinogradPlan plan = plan_byte_winograd(problem, kFormat);
  return static_cast<std::size_t>(kByteWinogradZeros + plan.panels * plan.panel_bytes);
}

void pack(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
  pack_byte_winograd(problem, kFormat, packed);
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(plan_byte_winograd(problem, kFormat).workspace_bytes);
}

void multiply(const ByteWinogradProducts& in) {
  const std::int64_t offset = 0;
  const TileDepth depth{&offset, 1, in.depth, in.shift};
  const std::uint8_t* const* rows = in.rows;
  Acc* m = reinterpret_cast<Acc*>(in.m);
  const bool whole = is_whole(depth, in.steps);
  if (in.steps > 1 && !whole) {
    for (std::int64_t left = in.tiles; left > 0; left -= kA16TilePixels, rows += kA16TilePixels, m += kA16TilePixels) {
      const int now = left < kA16TilePixels ? static_cast<int>(left) : kA16TilePixels;
      tile_a16(now, in.steps)(rows, depth, in.steps, in.head, m);
    }
    return;
  }
  const OutputStage unused{};
  const TileFunction* const tiles = whole ? tiles_a16_whole() : tiles_u8();
  for (std::int64_t left = in.tiles; left > 0; left -= kTilePixels, rows += kTilePixels, m += kTilePixels) {
    const int now = left < kTilePixels ? static_cast<int>(left) : kTilePixels;
    tiles[now - 1](rows, depth, in.head, unused, nullptr, m);
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  run_byte_winograd(problem, kFormat, packed, input, output, part, workspace, {multiply, transform_byte_weights});
}

}  // namespace

const ConvolutionKernel kWinogradU8{
    .name = "winograd_u8_2x2_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kBytes,
    .estimate = estimate,
    .offer = offer,
    .channel_step = channel_step,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .workspace_bytes = workspace_bytes,
    .run = run,
    .row_step = kByteWinogradOutputs,
};

}  // namespace narrow::kernels::avx2
