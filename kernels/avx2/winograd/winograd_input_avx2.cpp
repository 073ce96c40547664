#include "kernels/avx2/winograd/winograd_input_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/winograd/winograd_columns_avx2.h"
#include "kernels/avx2/winograd/winograd_segments_avx2.h"

// Columns first, whole lines at once, so that columns which two tiles share are computed once and borders are a matter
// of pointers; then rows, tile by tile.
namespace narrow::kernels::avx2 {
namespace {

void load_lines(const ConvolutionProblem& problem, const WinogradPlan& plan, const std::uint8_t* input,
                const WinogradSegment& segment, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t pixel_bytes = std::int64_t{shape.in_c} * 2;
  const SegmentInput<kWinogradInputs> in =
      segment_input<kWinogradInputs>(shape, input, segment, workspace + plan.padding_at);
  std::byte* const lines = workspace + plan.lines_at;
  fill_columns(problem.input_zero_point, in.begin * shape.in_c, lines, plan.line_bytes);
  fill_columns(problem.input_zero_point, (in.pixels - in.end) * shape.in_c, lines + in.end * pixel_bytes,
               plan.line_bytes);
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
    transform_winograd_input(d, out);
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
