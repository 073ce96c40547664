// From int32 accumulators to outputs, 16 channels at a time.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

// Static, so that no ISA-specific copy is ever visible to the linker.
static inline bool output_is_supported(const ConvolutionProblem& problem) {
  return problem.output_type == OutputType::kFloat32 ||
         (problem.output_range.lo >= 0 && problem.output_range.lo <= problem.output_range.hi &&
          problem.output_range.hi <= 255 && problem.output_zero_point >= 0 && problem.output_zero_point <= 255);
}

static inline __m256 scaled(const std::int32_t* acc, __m256 multiplier) {
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(acc))), multiplier);
}

static inline void store_bytes(__m128i bytes, int count, std::uint8_t* out) {
  alignas(16) std::uint8_t all[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(all), bytes);
  for (int i = 0; i < count; ++i) out[i] = all[i];
}

// Requantizes acc [pixels][16] (32-byte aligned) to out [pixels][out_c], of which `channels` (1..16) are written.
// Exact for any int32 and any finite positive multiplier: the product is limited to hi - zero_point, an integer, before
// it is rounded, so that infinity becomes hi; very negative products convert to INT_MIN and saturate on the way down.
static inline void store_u8(const ConvolutionProblem& problem, const std::int32_t* acc, int pixels,
                            const float* multiplier, int channels, std::uint8_t* out) {
  const std::ptrdiff_t out_c = problem.shape.out_c;
  const __m256 upper = _mm256_set1_ps(static_cast<float>(problem.output_range.hi - problem.output_zero_point));
  const __m256i zero_point = _mm256_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point));
  const __m256i lower = _mm256_set1_epi8(static_cast<char>(problem.output_range.lo));
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  const __m256 low = _mm256_load_ps(multiplier);
  const __m256 high = _mm256_load_ps(multiplier + 8);
  for (int pixel = 0; pixel < pixels; pixel += 2, acc += 32, out += 2 * out_c) {
    __m256i words[2];
    for (int i = 0; i < 2; ++i) {
      const __m256i a = _mm256_cvtps_epi32(_mm256_min_ps(scaled(acc + 16 * i, low), upper));
      const __m256i b = _mm256_cvtps_epi32(_mm256_min_ps(scaled(acc + 16 * i + 8, high), upper));
      words[i] = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero_point);
    }
    const __m256i bytes =
        _mm256_permutevar8x32_epi32(_mm256_max_epu8(_mm256_packus_epi16(words[0], words[1]), lower), order);
    const __m128i first = _mm256_castsi256_si128(bytes);
    const __m128i second = _mm256_extracti128_si256(bytes, 1);
    if (channels == 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), first);
      if (pixel + 1 < pixels) _mm_storeu_si128(reinterpret_cast<__m128i*>(out + out_c), second);
    } else {
      store_bytes(first, channels, out);
      if (pixel + 1 < pixels) store_bytes(second, channels, out + out_c);
    }
  }
}

// The same for float32 output.
static inline void store_f32(const ConvolutionProblem& problem, const std::int32_t* acc, int pixels,
                             const float* multiplier, int channels, float* out) {
  const __m256 lo = _mm256_set1_ps(problem.output_clamp.lo);
  const __m256 hi = _mm256_set1_ps(problem.output_clamp.hi);
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (int pixel = 0; pixel < pixels; ++pixel, acc += 16, out += problem.shape.out_c) {
    for (int c = 0; c < channels; c += 8) {
      // The operands' order makes equal values behave like std::min and std::max.
      const __m256 y = _mm256_min_ps(hi, _mm256_max_ps(lo, scaled(acc + c, _mm256_load_ps(multiplier + c))));
      _mm256_maskstore_ps(out + c, _mm256_cmpgt_epi32(_mm256_set1_epi32(channels - c), lanes), y);
    }
  }
}

// `index` is that of the first output element.
static inline void store_tile(const ConvolutionProblem& problem, const std::int32_t* acc, int pixels,
                              const float* multiplier, int channels, void* output, std::int64_t index) {
  if (problem.output_type == OutputType::kUint8) {
    store_u8(problem, acc, pixels, multiplier, channels, static_cast<std::uint8_t*>(output) + index);
  } else {
    store_f32(problem, acc, pixels, multiplier, channels, static_cast<float*>(output) + index);
  }
}

}  // namespace narrow::kernels::avx2
