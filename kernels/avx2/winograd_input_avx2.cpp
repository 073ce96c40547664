#include "kernels/avx2/winograd_input_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/winograd_segments_avx2.h"

// Columns first, whole lines at once, so that columns which two tiles share are computed once and borders are a matter
// of pointers; then rows, tile by tile.
namespace narrow::kernels::avx2 {
namespace {

#define NARROW_INLINE __attribute__((always_inline)) static inline

// B d for 16 columns (or rows) at once.
NARROW_INLINE void transform(const __m256i* d, __m256i* out) {
  const __m256i d42 = _mm256_sub_epi16(d[4], d[2]);
  const __m256i d31 = _mm256_sub_epi16(d[3], d[1]);
  const __m256i twice = _mm256_add_epi16(d31, d31);
  out[0] = _mm256_add_epi16(_mm256_slli_epi16(_mm256_sub_epi16(d[0], d[2]), 2), d42);
  out[1] = _mm256_sub_epi16(_mm256_slli_epi16(_mm256_add_epi16(d[1], d[2]), 2), _mm256_add_epi16(d[3], d[4]));
  out[2] = _mm256_sub_epi16(_mm256_slli_epi16(_mm256_sub_epi16(d[2], d[1]), 2), _mm256_sub_epi16(d[4], d[3]));
  out[3] = _mm256_add_epi16(d42, twice);
  out[4] = _mm256_sub_epi16(d42, twice);
  out[5] = _mm256_sub_epi16(_mm256_sub_epi16(d[5], d[3]), _mm256_add_epi16(twice, twice));
}

NARROW_INLINE __m256i load_bytes(const std::uint8_t* bytes) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// `count` elements of each of six rows to six lines.
void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes) {
  __m256i d[kWinogradInputs], out[kWinogradInputs];
  if (count < 16) {
    alignas(32) std::int16_t results[16];
    for (int i = 0; i < kWinogradInputs; ++i) {
      alignas(16) std::uint8_t bytes[16] = {};
      std::memcpy(bytes, rows[i], static_cast<std::size_t>(count));
      d[i] = load_bytes(bytes);
    }
    transform(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(results), out[i]);
      std::memcpy(lines + i * line_bytes, results, static_cast<std::size_t>(count) * 2);
    }
    return;
  }
  for (std::int64_t k = 0; k < count; k += 16) {
    if (k + 16 > count) k = count - 16;  // the last 16, some of them a second time
    for (int i = 0; i < kWinogradInputs; ++i) d[i] = load_bytes(rows[i] + k);
    transform(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(lines + i * line_bytes + k * 2), out[i]);
    }
  }
}

// `pixels` pixels of padding in each line: B applied to a column of zero points is (0, 6 * zero_point, 0, 0, 0, 0).
void fill_padding(const ConvolutionProblem& problem, const WinogradPlan& plan, std::int64_t pixels, std::byte* lines) {
  const std::int64_t count = pixels * problem.shape.in_c;
  for (int i = 0; i < kWinogradInputs; ++i) {
    std::memset(lines + i * plan.line_bytes, 0, static_cast<std::size_t>(count) * 2);
  }
  std::int16_t* const second = reinterpret_cast<std::int16_t*>(lines + plan.line_bytes);
  const std::int16_t value = static_cast<std::int16_t>(6 * problem.input_zero_point);
  for (std::int64_t k = 0; k < count; ++k) second[k] = value;
}

void load_lines(const ConvolutionProblem& problem, const WinogradPlan& plan, const std::uint8_t* input,
                const WinogradSegment& segment, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t pixel_bytes = std::int64_t{shape.in_c} * 2;
  const SegmentInput<kWinogradInputs> in =
      segment_input<kWinogradInputs>(shape, input, segment, workspace + plan.padding_at);
  std::byte* const lines = workspace + plan.lines_at;
  fill_padding(problem, plan, in.begin, lines);
  fill_padding(problem, plan, in.pixels - in.end, lines + in.end * pixel_bytes);
  if (in.begin == in.end) return;
  transform_columns(in.rows, (in.end - in.begin) * shape.in_c, lines + in.begin * pixel_bytes, plan.line_bytes);
}

// Line `line` of each tile to U of its six positions. Few streams at a time: whole channels inside, lines outside.
void transform_row(const std::byte* line, std::int64_t pixel_bytes, std::int64_t channels, std::int64_t position_bytes,
                   std::byte* u) {
  __m256i d[kWinogradInputs], out[kWinogradInputs];
  for (std::int64_t at = 0; at < channels * 2; at += 32) {
    for (int i = 0; i < kWinogradInputs; ++i) {
      d[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(line + i * pixel_bytes + at));
    }
    transform(d, out);
    for (int i = 0; i < kWinogradInputs; ++i) {
      _mm256_store_si256(reinterpret_cast<__m256i*>(u + i * position_bytes + at), out[i]);
    }
  }
}

}  // namespace

void prepare_padding(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* workspace) {
  std::memset(workspace + plan.padding_at, problem.input_zero_point,
              static_cast<std::size_t>(plan.lines_at - plan.padding_at));
}

void transform_inputs(const ConvolutionProblem& problem, const WinogradPlan& plan, const std::uint8_t* input,
                      const WinogradSegment& segment, std::int64_t first, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  load_lines(problem, plan, input, segment, workspace);
  const std::int64_t pixel_bytes = std::int64_t{shape.in_c} * 2;
  fill_table<kWinogradOutputs>(shape, segment, reinterpret_cast<WinogradTile*>(workspace) + first);
  for (int i = 0; i < kWinogradInputs; ++i) {
    const std::byte* line = workspace + plan.lines_at + i * plan.line_bytes;
    std::byte* u = workspace + plan.u_at + i * kWinogradInputs * plan.u_position_bytes + first * plan.channels * 2;
    for (std::int64_t tile = 0; tile < segment.tiles; ++tile) {
      transform_row(line, pixel_bytes, plan.channels, plan.u_position_bytes, u);
      line += kWinogradOutputs * pixel_bytes;
      u += plan.channels * 2;
    }
  }
}

}  // namespace narrow::kernels::avx2
