// The weight transform W = G g G^T, see winograd_s16_4x4_avx2.h.
#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/winograd/winograd_s16_avx2.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/inline.h"
#include "kernels/shared/prefetch.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kTaps = 9;
constexpr std::int64_t kHalfBytes = kTaps * 16;

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

// The weights of the step's two input channels and of `channel`. Missing channels have weights of 0.
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

// One tap of half a panel: `elems` weights (a multiple of 16) of each of 8 channels, which begin at `channels`. Steps
// of two input channels are kWinogradStepBytes apart. This transposes pairs.
void pack_half(const std::int8_t* weights, const std::int64_t (&channels)[8], std::int64_t elems, std::int8_t* out) {
  const auto load = [](const std::int8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  for (std::int64_t k = 0; k < elems; k += 16, out += 8 * kWinogradStepBytes) {
    __m128i x[8], y[8];
    for (int i = 0; i < 8; ++i) x[i] = load(weights + channels[i] + k);
    for (int i = 0; i < 4; ++i) {
      y[2 * i] = _mm_unpacklo_epi16(x[2 * i], x[2 * i + 1]);
      y[2 * i + 1] = _mm_unpackhi_epi16(x[2 * i], x[2 * i + 1]);
    }
    for (int i = 0; i < 2; ++i) {
      x[4 * i] = _mm_unpacklo_epi32(y[4 * i], y[4 * i + 2]);
      x[4 * i + 1] = _mm_unpackhi_epi32(y[4 * i], y[4 * i + 2]);
      x[4 * i + 2] = _mm_unpacklo_epi32(y[4 * i + 1], y[4 * i + 3]);
      x[4 * i + 3] = _mm_unpackhi_epi32(y[4 * i + 1], y[4 * i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
      __m128i* const two = reinterpret_cast<__m128i*>(out + 2 * i * kWinogradStepBytes);
      _mm_store_si128(two, _mm_unpacklo_epi64(x[i], x[4 + i]));
      _mm_store_si128(two + kWinogradStepBytes / 16, _mm_unpackhi_epi64(x[i], x[4 + i]));
    }
  }
}

// All weights of a whole panel if the number of input channels is a multiple of 16.
void pack_panel(const ConvolutionProblem& problem, int panel, std::int8_t* out) {
  const std::int64_t in_c = problem.shape.in_c;
  for (int half = 0; half < 2; ++half) {
    std::int64_t channels[8];
    for (int c = 0; c < 16; ++c) {
      if (place_in_panel(c) / 8 == half) channels[place_in_panel(c) % 8] = (panel * 16 + c) * kTaps * in_c;
    }
    for (int tap = 0; tap < kTaps; ++tap) {
      pack_half(problem.weights + tap * in_c, channels, in_c, out + half * kHalfBytes + tap * 16);
    }
  }
}

void pack_head(const ConvolutionProblem& problem, int channel, std::byte* panel) {
  const int lane = place_in_panel(channel % 16);
  reinterpret_cast<std::int32_t*>(panel)[lane] = static_cast<std::int32_t>(folded_bias(problem, channel));
  reinterpret_cast<float*>(panel + 64)[lane] = problem.multiplier[channel];
}

}  // namespace

void pack_winograd(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* packed) {
  for (int p = 0; p < plan.panels; ++p, packed += plan.panel_bytes) {
    std::memset(packed, 0, kWinogradHeadBytes);
    for (int c = p * 16; c < p * 16 + 16 && c < problem.shape.out_c; ++c) pack_head(problem, c, packed);
    std::byte* to = packed + kWinogradHeadBytes;
    if (plan.expands && problem.shape.in_c % 16 == 0 && problem.shape.out_c - p * 16 >= 16) {
      pack_panel(problem, p, reinterpret_cast<std::int8_t*>(to));
      continue;
    }
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
    for (int line = 0; line < 3; ++line) prefetch_weights(weights + line * 64);
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
