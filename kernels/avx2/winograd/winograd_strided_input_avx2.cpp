#include "kernels/avx2/winograd/winograd_strided_input_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/winograd/winograd_columns_avx2.h"
#include "kernels/avx2/winograd/winograd_segments_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

// B d of the upper or the lower rows of a segment's pixels of 2 x 2.
void load_lines(const ConvolutionProblem& problem, const StridedPlan& plan, const std::uint8_t* input,
                const WinogradSegment& segment, int lower, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  std::byte* const lines = workspace + plan.lines_at + lower * kWinogradInputs * plan.line_bytes;
  // Pixels of the picture; [begin, end) of them lie inside.
  const std::int64_t pixels = 2 * (segment.tiles * kStridedOutputs + kStridedOutputs);
  const std::int64_t x = 2 * segment.column - shape.pad.left;
  const std::int64_t begin = base::clamped(-x, 0, pixels);
  const std::int64_t end = base::clamped(shape.in_w - x, begin, pixels);
  const std::uint8_t* const picture = input + segment.row / shape.out_h * shape.in_h * shape.in_w * shape.in_c;
  const std::int64_t y = segment.row % shape.out_h * 2 + lower - shape.pad.top;
  const std::uint8_t* rows[kWinogradInputs];
  for (int i = 0; i < kWinogradInputs; ++i) {
    const std::int64_t row = y + 2 * i;
    const bool inside = row >= 0 && row < shape.in_h && begin < end;
    rows[i] = inside ? picture + (row * shape.in_w + x + begin) * shape.in_c
                     : reinterpret_cast<const std::uint8_t*>(workspace + plan.padding_at);
  }
  const std::int64_t pixel_bytes = std::int64_t{shape.in_c} * 2;
  fill_columns(problem.input_zero_point, begin * shape.in_c, lines, plan.line_bytes);
  fill_columns(problem.input_zero_point, (pixels - end) * shape.in_c, lines + end * pixel_bytes, plan.line_bytes);
  if (begin < end) transform_columns(rows, (end - begin) * shape.in_c, lines + begin * pixel_bytes, plan.line_bytes);
}

// 8 elements of each of the two rows.
__attribute__((always_inline)) inline __m256i load_both(const std::byte* upper, const std::byte* lower) {
  const __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(upper));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low), _mm_loadu_si128(reinterpret_cast<const __m128i*>(lower)),
                                 1);
}

// Puts the pairs of elements of both rows next to each other.
__m256i order_of_pairs(const ConvolutionShape& shape) {
  const __m256i places = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i of_lower = _mm256_cmpgt_epi32(places, _mm256_set1_epi32(shape.in_c - 1));
  return _mm256_add_epi32(places, _mm256_and_si256(of_lower, _mm256_set1_epi32(kStridedChannels - shape.in_c)));
}

}  // namespace

void prepare_strided(const ConvolutionProblem& problem, const StridedPlan& plan, std::byte* workspace) {
  std::memset(workspace + plan.padding_at, problem.input_zero_point,
              static_cast<std::size_t>(plan.lines_at - plan.padding_at));
}

void transform_strided(const ConvolutionProblem& problem, const StridedPlan& plan, const std::uint8_t* input,
                       const WinogradSegment& segment, std::int64_t first, std::byte* workspace) {
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

}  // namespace narrow::kernels::avx2
