#include "kernels/avx2/winograd_weights_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/convolution_output_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kTaps = 9;
constexpr std::int64_t kHalfBytes = kTaps * 16;

#define NARROW_INLINE __attribute__((always_inline)) static inline

NARROW_INLINE __m256i six_times(__m256i x) {
  const __m256i twice = _mm256_add_epi16(x, x);
  return _mm256_add_epi16(_mm256_add_epi16(twice, twice), twice);
}

// G g for one column or row of weights; out[i] is out[i * stride].
NARROW_INLINE void transform(__m256i g0, __m256i g1, __m256i g2, __m256i* out, int stride) {
  const __m256i ends = _mm256_add_epi16(g0, g2);
  const __m256i even = _mm256_add_epi16(g0, _mm256_slli_epi16(g2, 2));
  const __m256i odd = _mm256_add_epi16(g1, g1);
  out[0] = six_times(g0);
  out[stride] = _mm256_add_epi16(ends, g1);
  out[2 * stride] = _mm256_sub_epi16(ends, g1);
  out[3 * stride] = _mm256_add_epi16(even, odd);
  out[4 * stride] = _mm256_sub_epi16(even, odd);
  out[5 * stride] = six_times(g2);
}

// Weights of the step's two input channels and `channel`, 0 where there are none.
void pack_step(const ConvolutionProblem& problem, int panel, std::int64_t step, std::int8_t* out) {
  const ConvolutionShape& shape = problem.shape;
  std::memset(out, 0, kWinogradStepBytes);
  for (int c = 0; c < 16 && panel * 16 + c < shape.out_c; ++c) {
    const int lane = place_in_panel(c);
    for (int k = 0; k < 2 && 2 * step + k < shape.in_c; ++k) {
      const std::int8_t* const weights =
          problem.weights + std::int64_t{panel * 16 + c} * kTaps * shape.in_c + 2 * step + k;
      std::int8_t* const to = out + lane / 8 * kHalfBytes + lane % 8 * 2 + k;
      for (int tap = 0; tap < kTaps; ++tap) to[tap * 16] = weights[tap * shape.in_c];
    }
  }
}

void pack_head(const ConvolutionProblem& problem, int channel, std::byte* panel) {
  const std::int64_t depth = problem.shape.depth();
  std::int64_t sum = 0;
  for (std::int64_t k = 0; k < depth; ++k) sum += widened(problem.weights[channel * depth + k]);
  const int lane = place_in_panel(channel % 16);
  reinterpret_cast<std::int32_t*>(panel)[lane] =
      static_cast<std::int32_t>(problem.bias[channel] - problem.input_zero_point * sum);
  reinterpret_cast<float*>(panel + 64)[lane] = problem.multiplier[channel];
}

}  // namespace

void pack_winograd(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* packed) {
  for (int p = 0; p < plan.panels; ++p, packed += plan.panel_bytes) {
    std::memset(packed, 0, kWinogradHeadBytes);
    for (int c = p * 16; c < p * 16 + 16 && c < problem.shape.out_c; ++c) pack_head(problem, c, packed);
    std::byte* to = packed + kWinogradHeadBytes;
    for (std::int64_t step = 0; step < plan.channels / 2; ++step) {
      alignas(32) std::int8_t weights[kWinogradStepBytes];
      pack_step(problem, p, step, weights);
      if (plan.expands) {
        std::memcpy(to, weights, sizeof weights);
        to += kWinogradStepBytes;
      } else {
        expand_weights(reinterpret_cast<const std::byte*>(weights), 1, plan.w_position_bytes, to);
        to += kWinogradWBytes;
      }
    }
  }
}

void expand_weights(const std::byte* weights, std::int64_t steps, std::int64_t position_bytes, std::byte* w) {
  for (std::int64_t half = 0; half < 2 * steps; ++half, weights += kHalfBytes, w += kWinogradWBytes / 2) {
    __m256i g[kTaps];
    for (int tap = 0; tap < kTaps; ++tap) {
      g[tap] = _mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(weights + tap * 16)));
    }
    __m256i columns[kWinogradInputs * 3], row[kWinogradInputs];
    for (int i = 0; i < 3; ++i) transform(g[i], g[3 + i], g[6 + i], columns + i, 3);
    std::byte* to = w;
    for (int i = 0; i < kWinogradInputs; ++i) {
      transform(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2], row, 1);
      for (int j = 0; j < kWinogradInputs; ++j, to += position_bytes) {
        _mm256_store_si256(reinterpret_cast<__m256i*>(to), row[j]);
      }
    }
  }
}

}  // namespace narrow::kernels::avx2
