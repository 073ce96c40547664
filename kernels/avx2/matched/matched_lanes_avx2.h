// What the lanes of vpmaddubsw sum up, and how a part of it moves to tails: see matched_panel_avx2.h. Internal linkage
// on purpose: see kernels/CMakeLists.txt.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace narrow::kernels::avx2 {
namespace {

// The sums of magnitudes of 16 lanes, 32 weights: unsigned, up to 256.
struct Magnitudes {
  __m256i positive, negative;

  explicit Magnitudes(__m256i w) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i ones = _mm256_set1_epi8(1);
    positive = _mm256_maddubs_epi16(_mm256_max_epi8(w, zero), ones);
    // -w of -128 is right as an unsigned byte.
    negative = _mm256_maddubs_epi16(_mm256_sub_epi8(zero, _mm256_min_epi8(w, zero)), ones);
  }
  // Of 8 steps: one bit for each with a lane above `limit`.
  [[nodiscard]] int above(int limit) const {
    const __m256i limits = _mm256_set1_epi16(static_cast<std::int16_t>(limit));
    const __m256i lanes = _mm256_cmpgt_epi16(_mm256_max_epi16(positive, negative), limits);
    const __m256i none = _mm256_cmpeq_epi32(lanes, _mm256_setzero_si256());
    return 0xFF & ~_mm256_movemask_ps(_mm256_castsi256_ps(none));
  }
};

// What moves from 32 weights to one tail each: of lanes above the limit up to half of it, from the first weight if it
// has that much.
inline __m256i moving_part(__m256i w, const Magnitudes& sums, int limit) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i limits = _mm256_set1_epi16(static_cast<std::int16_t>(limit));
  const __m256i half = _mm256_set1_epi16(static_cast<std::int16_t>(limit / 2));
  const __m256i first = _mm256_srai_epi16(_mm256_slli_epi16(w, 8), 8);
  const __m256i second = _mm256_srai_epi16(w, 8);
  const auto part = [&](__m256i a, __m256i b, __m256i lane, __m256i* of_b) {
    const __m256i above = _mm256_cmpgt_epi16(lane, limits);
    const __m256i of_a = _mm256_min_epi16(_mm256_max_epi16(a, zero), half);
    *of_b = _mm256_and_si256(above, _mm256_min_epi16(_mm256_max_epi16(b, zero), _mm256_sub_epi16(half, of_a)));
    return _mm256_and_si256(above, of_a);
  };
  __m256i up2, down2;
  const __m256i up1 = part(first, second, sums.positive, &up2);
  const __m256i down1 = part(_mm256_sub_epi16(zero, first), _mm256_sub_epi16(zero, second), sums.negative, &down2);
  const __m256i low = _mm256_and_si256(_mm256_sub_epi16(up1, down1), _mm256_set1_epi16(0xFF));
  return _mm256_or_si256(low, _mm256_slli_epi16(_mm256_sub_epi16(up2, down2), 8));
}

}  // namespace
}  // namespace narrow::kernels::avx2
