// Winograd's F(2x2, 3x3) in bytes without the products: from the input to U = B d B^T + offset, from M to outputs, and
// the loop over blocks that calls the products in between. The transform of weights is in winograd_u8_2x2_avx2.cpp. See
// winograd_u8_2x2_avx2.h. Bytes of U may wrap modulo 256 in between; the results are in range.
#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/avx2/shared/winograd_tiles_avx2.h"
#include "kernels/avx2/shared/winograd_u8_2x2_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// Columns are transformed first, in whole lines. Therefore a column that two tiles share is transformed once, and
// borders need only other pointers. Rows follow, tile by tile.

NARROW_INLINE __m256i load_unaligned(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
NARROW_INLINE void store_unaligned(__m256i bytes, std::byte* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
}

// B d for 32 columns (or rows) at once.
NARROW_INLINE void transform(const __m256i* d, __m256i* out) {
  out[0] = _mm256_sub_epi8(d[0], d[2]);
  out[1] = _mm256_add_epi8(d[1], d[2]);
  out[2] = _mm256_sub_epi8(d[2], d[1]);
  out[3] = _mm256_sub_epi8(d[1], d[3]);
}

// Transforms `count` elements of each of four rows to four lines.
void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  __m256i d[kByteWinogradInputs], out[kByteWinogradInputs];
  if (count < 32) {
    alignas(32) std::byte bytes[32] = {};
    for (int i = 0; i < kByteWinogradInputs; ++i) {
      std::memcpy(bytes, rows[i], static_cast<std::size_t>(count));
      d[i] = load_unaligned(bytes);
    }
    transform(d, out);
    for (int i = 0; i < kByteWinogradInputs; ++i) {
      store_unaligned(out[i], bytes);
      std::memcpy(lines + i * line_bytes, bytes, static_cast<std::size_t>(count));
    }
    return;
  }
  for (std::int64_t k = 0; k < count; k += 32) {
    if (k + 32 > count) k = count - 32;  // the last 32, which repeats some
    for (int i = 0; i < kByteWinogradInputs; ++i) d[i] = load_unaligned(rows[i] + k);
    transform(d, out);
    for (int i = 0; i < kByteWinogradInputs; ++i) store_unaligned(out[i], lines + i * line_bytes + k);
  }
}

// Writes `pixels` pixels of padding to each line: B times a column of zero points is (0, 2 * zero_point, 0, 0).
void fill_padding(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, std::int64_t pixels,
                  std::byte* lines) {
  for (int i = 0; i < kByteWinogradInputs; ++i) {
    std::memset(lines + i * plan.line_bytes, i == 1 ? 2 * problem.input_zero_point : 0,
                static_cast<std::size_t>(pixels * problem.shape.in_c));
  }
}

void load_lines(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, const std::uint8_t* input,
                const WinogradSegment& segment, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const SegmentInput<kByteWinogradInputs> in =
      segment_input<kByteWinogradInputs>(shape, input, segment, workspace + plan.padding_at);
  std::byte* const lines = workspace + plan.lines_at;
  fill_padding(problem, plan, in.begin, lines);
  fill_padding(problem, plan, in.pixels - in.end, lines + in.end * shape.in_c);
  if (in.begin == in.end) return;
  transform_columns(in.rows, (in.end - in.begin) * shape.in_c, lines + in.begin * shape.in_c, plan.line_bytes);
}

// Transforms line `line` of a tile to U of its four positions.
NARROW_INLINE void transform_row(const std::byte* line, std::int64_t pixel_bytes, std::int64_t row_bytes,
                                 std::int64_t position_bytes, __m256i offset, __m256i offset1, std::byte* u) {
  __m256i d[kByteWinogradInputs], out[kByteWinogradInputs];
  for (std::int64_t at = 0; at < row_bytes; at += 32) {
    for (int i = 0; i < kByteWinogradInputs; ++i) d[i] = load_unaligned(line + i * pixel_bytes + at);
    transform(d, out);
    for (int i = 0; i < kByteWinogradInputs; ++i) {
      store_unaligned(_mm256_add_epi8(out[i], i == 1 ? offset1 : offset), u + i * position_bytes + at);
    }
  }
}

void prepare_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, std::byte* workspace) {
  std::memset(workspace + plan.padding_at, problem.input_zero_point,
              static_cast<std::size_t>(plan.lines_at - plan.padding_at));
  for (std::int64_t position = 0; plan.transforms_weights && position < kByteWinogradPositions; ++position) {
    std::memset(workspace + plan.w_at + position * plan.position_bytes, 0, kByteWinogradPositionHead);
  }
}

[[gnu::noinline]] void transform_byte_inputs(const ConvolutionProblem& problem, const ByteWinogradPlan& plan,
                                             const std::uint8_t* input, const WinogradSegment& segment,
                                             std::int64_t first, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  load_lines(problem, plan, input, segment, workspace);
  fill_table<kByteWinogradOutputs>(shape, segment, reinterpret_cast<WinogradTile*>(workspace + plan.table_at) + first);
  const __m256i offset = _mm256_set1_epi8(static_cast<char>(largest_byte_winograd_input(problem) / 2));
  for (int i = 0; i < kByteWinogradInputs; ++i) {
    const __m256i offset1 = i == 1 ? _mm256_setzero_si256() : offset;
    const std::byte* line = workspace + plan.lines_at + i * plan.line_bytes;
    std::byte* u = workspace + plan.u_at + i * kByteWinogradInputs * plan.u_position_bytes + first * plan.u_row_bytes;
    for (std::int64_t tile = 0; tile < segment.tiles; ++tile) {
      transform_row(line, shape.in_c, plan.u_row_bytes, plan.u_position_bytes, offset, offset1, u);
      line += std::int64_t{kByteWinogradOutputs} * shape.in_c;
      u += plan.u_row_bytes;
    }
  }
}

NARROW_INLINE __m256i sum(__m256i a, __m256i b, __m256i c) { return _mm256_add_epi32(_mm256_add_epi32(a, b), c); }
NARROW_INLINE __m256i difference(__m256i a, __m256i b, __m256i c) {
  return _mm256_sub_epi32(_mm256_sub_epi32(a, b), c);
}

NARROW_INLINE __m256i accumulator(__m256i scaled, __m256i constant, __m256i bias) {
  return _mm256_add_epi32(_mm256_srai_epi32(_mm256_sub_epi32(scaled, constant), 2), bias);
}

// Eight channels of the tile's outputs. m: at position 0. head: of the vector. The channels are `half` bytes after
// both.
NARROW_INLINE void finish_half(const std::byte* m, std::int64_t position_bytes, const std::byte* head,
                               __m256i (&out)[4]) {
  __m256i rows[2][kByteWinogradInputs];
  for (int j = 0; j < kByteWinogradInputs; ++j, m += position_bytes) {
    const __m256i m1 = load(m + 4 * position_bytes);
    const __m256i m2 = load(m + 8 * position_bytes);
    rows[0][j] = sum(load(m), m1, m2);
    rows[1][j] = difference(m1, m2, load(m + 12 * position_bytes));
  }
  const __m256i bias = load(head + 4 * 64);
  for (int i = 0; i < 2; ++i) {
    out[2 * i] = accumulator(sum(rows[i][0], rows[i][1], rows[i][2]), load(head + 2 * i * 64), bias);
    out[2 * i + 1] = accumulator(difference(rows[i][1], rows[i][2], rows[i][3]), load(head + (2 * i + 1) * 64), bias);
  }
}

void transform_output(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                      const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel, int channels,
                      void* output) {
  __m256i low[4], high[4];
  finish_half(m, position_bytes, head, low);
  finish_half(m + 32, position_bytes, head + 32, high);
  const float* const multiplier = reinterpret_cast<const float*>(head + 5 * 64);
  const std::int64_t row_elems = problem.shape.out_w * stage.out_c;
  const bool whole = channels == 16 && tile.columns == kByteWinogradOutputs && tile.rows == kByteWinogradOutputs &&
                     problem.output_type == OutputType::kUint8;
  std::int64_t index = tile.pixel * stage.out_c + channel;
  if (whole) {
    std::uint8_t* const out = static_cast<std::uint8_t*>(output) + index;
    store_pixels(stage, {low[0], high[0]}, {low[1], high[1]}, multiplier, out);
    store_pixels(stage, {low[2], high[2]}, {low[3], high[3]}, multiplier, out + row_elems);
    return;
  }
  for (int r = 0; r < tile.rows; ++r, index += row_elems) {
    const Acc acc[2] = {{low[2 * r], high[2 * r]}, {low[2 * r + 1], high[2 * r + 1]}};
    store_panel(problem, stage, acc, tile.columns, multiplier, channels, output, index);
  }
}

struct Run {
  const ConvolutionProblem& problem;
  const ByteWinogradPlan& plan;
  const OutputStage& stage;
  const std::byte* packed;
  const ConvolutionPart& part;
  void* output;
  std::byte* workspace;
  const ByteWinogradFunctions& functions;
};

// The order of tiles. Tiles that a position needs follow each other: those with one column of outputs, those with two
// rows and columns, those with one row, and those with one row and column.
struct TileOrder {
  std::int64_t whole, one_row, one_each;  // where these groups begin
  std::int64_t tiles;

  // The tiles that positions of row `i` and column `j` need: [begin(j), end(i, j)).
  [[nodiscard]] std::int64_t begin(std::int64_t j) const { return j == 3 ? whole : 0; }
  [[nodiscard]] std::int64_t end(std::int64_t i, std::int64_t j) const {
    if (i == 3) return one_row;
    return j == 3 ? one_each : tiles;
  }
};

TileOrder order_tiles(const ByteWinogradPlan& plan, std::int64_t tiles, std::byte* workspace) {
  const WinogradTile* const table = reinterpret_cast<const WinogradTile*>(workspace + plan.table_at);
  const std::uint8_t* const u = reinterpret_cast<const std::uint8_t*>(workspace + plan.u_at);
  const std::uint8_t** const rows = reinterpret_cast<const std::uint8_t**>(workspace);
  std::int64_t* const order = reinterpret_cast<std::int64_t*>(workspace + plan.order_at);
  std::int64_t placed = 0;
  const auto place = [&](int tile_rows, int tile_columns) {
    const std::int64_t first = placed;
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      if (table[tile].rows != tile_rows || table[tile].columns != tile_columns) continue;
      rows[placed] = u + tile * plan.u_row_bytes;
      order[placed++] = tile;
    }
    return first;
  };
  TileOrder result{};
  place(2, 1);
  result.whole = place(2, 2);
  result.one_row = place(1, 2);
  result.one_each = place(1, 1);
  result.tiles = tiles;
  return result;
}

// 16 output channels of the tiles in the workspace.
[[gnu::noinline]] void write_vector(const Run& run, std::int64_t tiles, std::int64_t vector, const std::byte* panel,
                                    int channel) {
  const ByteWinogradPlan& plan = run.plan;
  const OutputStage stage = run.stage;
  const WinogradTile* const table = reinterpret_cast<const WinogradTile*>(run.workspace + plan.table_at);
  const std::int64_t* const order = reinterpret_cast<const std::int64_t*>(run.workspace + plan.order_at);
  const int left = run.part.channel_end - channel;
  const int channels = left < 16 ? left : 16;
  const std::byte* const head = panel + kByteWinogradPositions * std::int64_t{sizeof(std::int64_t)} + vector * 6 * 64;
  const std::byte* m = run.workspace + plan.m_at + vector * 64;
  for (std::int64_t tile = 0; tile < tiles; ++tile, m += plan.vectors * 64) {
    transform_output(run.problem, stage, table[order[tile]], m, plan.m_position_bytes, head, channel, channels,
                     run.output);
  }
}

// The panels of the part for the tiles in the workspace.
void run_block(const Run& run, std::int64_t tiles) {
  const ByteWinogradPlan& plan = run.plan;
  const std::int64_t panel_channels = plan.vectors * 16;
  const TileOrder order = order_tiles(plan, tiles, run.workspace);
  for (std::int64_t channel = run.part.channel_begin; channel < run.part.channel_end; channel += panel_channels) {
    const std::byte* const panel = run.packed + kByteWinogradZeros + channel / panel_channels * plan.panel_bytes;
    const std::byte* w = panel + plan.head_bytes;
    if (plan.transforms_weights) {
      run.functions.transform_weights(plan, w, run.workspace + plan.w_at);
      w = run.workspace + plan.w_at;
    }
    // After the last panel, the first panel of the next block follows, if there is one.
    const bool is_last = channel + panel_channels >= run.problem.shape.out_c;
    const std::byte* const next = is_last ? run.packed + kByteWinogradZeros : panel + plan.panel_bytes;
    const std::int64_t share = plan.panel_bytes / kByteWinogradPositions;
    for (std::int64_t position = 0; position < kByteWinogradPositions; ++position) {
      const std::int64_t begin = order.begin(position % kByteWinogradInputs);
      const std::int64_t end = order.end(position / kByteWinogradInputs, position % kByteWinogradInputs);
      std::int32_t* const m =
          reinterpret_cast<std::int32_t*>(run.workspace + plan.m_at + position * plan.m_position_bytes);
      run.functions.multiply(
          {reinterpret_cast<const std::uint8_t* const*>(run.workspace) + begin, position * plan.u_position_bytes,
           end - begin, plan.channels, plan.vectors, reinterpret_cast<const std::int64_t*>(panel)[position],
           w + position * plan.position_bytes, run.packed, m + begin * panel_channels, next + position * share, share});
    }
    for (std::int64_t vector = 0; vector < plan.vectors; ++vector) {
      const std::int64_t first = channel + vector * 16;
      if (first < run.part.channel_end) write_vector(run, tiles, vector, panel, static_cast<int>(first));
    }
  }
}

}  // namespace

void run_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradFormat& format, const std::byte* packed,
                       const std::uint8_t* input, void* output, const ConvolutionPart& part, std::byte* workspace,
                       const ByteWinogradFunctions& functions) {
  const ByteWinogradPlan plan = plan_byte_winograd(problem, format);
  const OutputStage stage = output_stage(problem, part);
  const Run run{problem, plan, stage, packed, part, output, workspace, functions};
  prepare_byte_winograd(problem, plan, workspace);
  for_each_segment<kByteWinogradOutputs>(
      problem.shape, part, plan,
      [&](const WinogradSegment& segment, std::int64_t first) {
        transform_byte_inputs(problem, plan, input, segment, first, workspace);
      },
      [&](std::int64_t tiles) { run_block(run, tiles); });
}

}  // namespace narrow::kernels::avx2
