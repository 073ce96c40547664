#include "kernels/avx2/winograd/winograd_bytes_input_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/winograd/winograd_segments_avx2.h"

// Columns first, whole lines at once, so that columns which two tiles share are computed once and borders are a matter
// of pointers; then rows, tile by tile.
namespace narrow::kernels::avx2 {
namespace {

#define NARROW_INLINE __attribute__((always_inline)) static inline

NARROW_INLINE __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }
NARROW_INLINE void store(__m256i bytes, std::byte* to) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes); }

// B d for 32 columns (or rows) at once.
NARROW_INLINE void transform(const __m256i* d, __m256i* out) {
  out[0] = _mm256_sub_epi8(d[0], d[2]);
  out[1] = _mm256_add_epi8(d[1], d[2]);
  out[2] = _mm256_sub_epi8(d[2], d[1]);
  out[3] = _mm256_sub_epi8(d[1], d[3]);
}

// `count` elements of each of four rows to four lines.
void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  __m256i d[kByteWinogradInputs], out[kByteWinogradInputs];
  if (count < 32) {
    alignas(32) std::byte bytes[32] = {};
    for (int i = 0; i < kByteWinogradInputs; ++i) {
      std::memcpy(bytes, rows[i], static_cast<std::size_t>(count));
      d[i] = load(bytes);
    }
    transform(d, out);
    for (int i = 0; i < kByteWinogradInputs; ++i) {
      store(out[i], bytes);
      std::memcpy(lines + i * line_bytes, bytes, static_cast<std::size_t>(count));
    }
    return;
  }
  for (std::int64_t k = 0; k < count; k += 32) {
    if (k + 32 > count) k = count - 32;  // the last 32, some of them a second time
    for (int i = 0; i < kByteWinogradInputs; ++i) d[i] = load(rows[i] + k);
    transform(d, out);
    for (int i = 0; i < kByteWinogradInputs; ++i) store(out[i], lines + i * line_bytes + k);
  }
}

// `pixels` pixels of padding in each line: B applied to a column of zero points is (0, 2 * zero_point, 0, 0).
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

// Line `line` of a tile to U of its four positions.
NARROW_INLINE void transform_row(const std::byte* line, std::int64_t pixel_bytes, std::int64_t row_bytes,
                                 std::int64_t position_bytes, __m256i offset, __m256i offset1, std::byte* u) {
  __m256i d[kByteWinogradInputs], out[kByteWinogradInputs];
  for (std::int64_t at = 0; at < row_bytes; at += 32) {
    for (int i = 0; i < kByteWinogradInputs; ++i) d[i] = load(line + i * pixel_bytes + at);
    transform(d, out);
    for (int i = 0; i < kByteWinogradInputs; ++i) {
      store(_mm256_add_epi8(out[i], i == 1 ? offset1 : offset), u + i * position_bytes + at);
    }
  }
}

}  // namespace

void prepare_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, std::byte* workspace) {
  std::memset(workspace + plan.padding_at, problem.input_zero_point,
              static_cast<std::size_t>(plan.lines_at - plan.padding_at));
  for (std::int64_t position = 0; plan.expands && position < kByteWinogradPositions; ++position) {
    std::memset(workspace + plan.w_at + position * plan.position_bytes, 0, kByteWinogradPositionHead);
  }
}

void transform_byte_inputs(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, const std::uint8_t* input,
                           const WinogradSegment& segment, std::int64_t first, std::byte* workspace) {
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

}  // namespace narrow::kernels::avx2
