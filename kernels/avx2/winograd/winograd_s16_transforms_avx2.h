// What Winograd's convolutions in 16-bit integers share: the transforms of input, weights and output, and the layout of
// packed weights. The mathematics are in winograd_s16_4x4_avx2.h, those of 3 x 3 outputs in winograd_s16_3x3_avx2.cpp.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/winograd_s16_4x4_avx2.h"
#include "kernels/avx2/shared/winograd_tiles_avx2.h"
#include "kernels/shared/inline.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// The first half of B d B^T. Columns are transformed first, in whole lines. Therefore a column that two tiles share is
// transformed once, and borders need only other pointers.

// B d for 16 columns (or rows) at once.
NARROW_INLINE void transform_winograd_input(const __m256i* d, __m256i* out) {
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

// Transforms `count` bytes of each of six rows to six lines of int16, `line_bytes` apart.
void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes);

// The same for `count` columns of padding.
void fill_columns(std::int32_t zero_point, std::int64_t count, std::byte* lines, std::int64_t line_bytes);

// The output transform.

// Writes `channels` (1 to 16) channels, from `channel` on, of a tile's outputs. m: 36 Acc, position_bytes apart. head:
// the panel header. output: the output of the whole layer.
void transform_output_4x4(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output);
void transform_output_3x3(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output);

// The weight transform W = G g G^T. A panel is 16 output channels. A step is two input channels of all 16.

inline constexpr std::int64_t kWinogradHeadBytes = 128;  // of a panel: int32 bias[16], float multiplier[16]
inline constexpr std::int64_t kWinogradWBytes = 64;      // [16 channels][2], int16: a step and a position

// Panels: the panel header, then W [position][step], or steps of weights if `transforms_weights`. Channels are in
// the order of Acc. The bias includes -zero_point * sum(w), modulo 2^32.
void pack_winograd(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* packed);

// Transforms `steps` steps to W at 36 positions, `position_bytes` apart, 32-byte aligned.
void transform_weights(const std::byte* weights, std::int64_t steps, std::int64_t position_bytes, std::byte* w);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
