// depthwise_s16_avx512vnni: depthwise_s16_avx2 with vpdpwssd: a pixel's 16 channels and two taps are one register.
#include <immintrin.h>

#include "kernels/avx2/depthwise_avx2.h"
#include "kernels/avx512vnni/convolution_avx512vnni.h"

namespace narrow::kernels::avx512vnni {
namespace {

using avx2::TileLines;

constexpr int kPixels = 7;
constexpr std::int64_t kHeadBytes = 128;

#define NARROW_INLINE [[gnu::always_inline]] static inline

// What all outputs of a layer share.
struct Stage {
  __m512 multiplier;
  __m512 upper;        // hi - zero_point
  __m256i zero_point;  // int16
  __m256i lower;       // uint8
};

NARROW_INLINE void step(__m512i& acc, const std::uint8_t* x, __m512i w) {
  __asm__ volatile("vpdpwssd %1, %2, %0" : "+v"(acc) : "m"(*reinterpret_cast<const __m512i*>(x)), "v"(w));
}

// As requantized() of AVX2: exact for any int32 and any finite positive multiplier.
NARROW_INLINE __m256i words(const Stage& stage, __m512i acc) {
  const __m512 scaled = _mm512_min_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), stage.multiplier), stage.upper);
  return _mm256_adds_epi16(_mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(scaled)), stage.zero_point);
}

// Two pixels, the first in the lower half. Words come in the order of Acc: 0-3, 8-11, 4-7, 12-15.
NARROW_INLINE __m256i bytes(const Stage& stage, __m512i first, __m512i second) {
  const __m256i mixed = _mm256_max_epu8(_mm256_packus_epi16(words(stage, first), words(stage, second)), stage.lower);
  return _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

NARROW_INLINE void store_two(const Stage& stage, __m512i first, __m512i second, std::uint8_t* out,
                             std::ptrdiff_t step) {
  const __m256i both = bytes(stage, first, second);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm256_castsi256_si128(both));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + step), _mm256_extracti128_si256(both, 1));
}

void run_row(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel, std::uint8_t* output) {
  const __m512i bias = _mm512_loadu_si512(panel);
  const Stage stage{_mm512_loadu_ps(panel + 64),
                    _mm512_set1_ps(static_cast<float>(problem.output_range.hi - problem.output_zero_point)),
                    _mm256_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point)),
                    _mm256_set1_epi8(static_cast<char>(problem.output_range.lo))};
  const int out_w = problem.shape.out_w;
  const std::ptrdiff_t out_c = problem.shape.out_c;
  const std::int64_t by = in.pixel_step;
  for (int x = 0; x < out_w; x += kPixels) {
    // The last tile begins earlier, and computes some outputs again.
    if (x + kPixels > out_w) x = out_w - kPixels;
    __m512i a0 = bias, a1 = bias, a2 = bias, a3 = bias, a4 = bias, a5 = bias, a6 = bias;
    const std::byte* weights = panel + kHeadBytes;
    for (std::int64_t pair = 0; pair < in.pairs; ++pair) {
      const std::uint8_t* at = in.lines[pair] + x * by;
      for (std::int64_t column = in.columns; column > 0; --column, at += in.column_step, weights += 64) {
        const __m512i w = _mm512_loadu_si512(weights);
        const std::uint8_t* const third = at + 3 * by;
        step(a0, at, w);
        step(a1, at + by, w);
        step(a2, at + 2 * by, w);
        step(a3, third, w);
        step(a4, third + by, w);
        step(a5, third + 2 * by, w);
        step(a6, third + 3 * by, w);
      }
    }
    std::uint8_t* const out = output + x * out_c;
    store_two(stage, a0, a1, out, out_c);
    store_two(stage, a2, a3, out + 2 * out_c, out_c);
    store_two(stage, a4, a5, out + 4 * out_c, out_c);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 6 * out_c), _mm256_castsi256_si128(bytes(stage, a6, a6)));
  }
}

double cost(const ConvolutionProblem& problem) {
  return avx2::depthwise_cost(problem, {.tap = 0.55, .pixel = 4, .line = 2});
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  avx2::run_depthwise(problem, packed, input, output, part, workspace, {kPixels, run_row});
}

}  // namespace

const ConvolutionKernel kDepthwiseS16{"depthwise_s16_avx512vnni",
                                      Isa::kAvx512Vnni,
                                      avx2::accepts_depthwise,
                                      cost,
                                      avx2::depthwise_channel_step,
                                      avx2::depthwise_packed_bytes,
                                      avx2::pack_depthwise,
                                      avx2::depthwise_workspace_bytes,
                                      run};

}  // namespace narrow::kernels::avx512vnni
