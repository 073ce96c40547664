#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/matched/matched_tile_avx2.h"

namespace narrow::kernels::avx2 {

// One pixel: vectors hold steps and channels of the panel, so that no lane is idle.
void run_matched_pixel(const std::uint8_t* window, std::int64_t steps, const std::byte* panel, const OutputStage& stage,
                       std::uint8_t* out) {
  const PanelHead& head = *reinterpret_cast<const PanelHead*>(panel);
  const std::uint16_t* place = reinterpret_cast<const std::uint16_t*>(panel + kPanelHeadSize);
  const PanelParts parts(steps, head.tail_pairs);
  const std::byte* weights = panel + parts.weights;
  const __m256i ones = _mm256_set1_epi16(1);
  const auto step = [&](std::uint16_t at) {
    std::int32_t four;
    std::memcpy(&four, window + at / 2, sizeof four);
    return four;
  };
  const auto add = [&](__m256i& acc, __m256i x, const void* w) {
    const __m256i products = _mm256_maddubs_epi16(x, _mm256_loadu_si256(static_cast<const __m256i*>(w)));
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(products, ones));
  };
  __m256i acc = _mm256_setzero_si256();  // [4 channels][2 steps]
  for (std::int32_t i = head.pairs; i > 0; --i, place += 2, weights += 32) {
    add(acc, _mm256_broadcastq_epi64(_mm_insert_epi32(_mm_cvtsi32_si128(step(place[0])), step(place[1]), 1)), weights);
  }
  __m128i sums = _mm_loadu_si128(reinterpret_cast<const __m128i*>(head.bias));
  for (std::int32_t i = head.singles; i > 0; --i, ++place, weights += 16) {
    const __m128i products =
        _mm_maddubs_epi16(_mm_set1_epi32(step(*place)), _mm_loadu_si128(reinterpret_cast<const __m128i*>(weights)));
    sums = _mm_add_epi32(sums, _mm_madd_epi16(products, _mm256_castsi256_si128(ones)));
  }
  const TailPair* tail = reinterpret_cast<const TailPair*>(panel + parts.tails);
  for (std::int32_t i = head.tail_pairs; i > 0; --i, ++tail) {
    const auto& at = tail->places;
    add(acc,
        _mm256_setr_epi32(step(at[0][0]), step(at[0][1]), step(at[1][0]), step(at[1][1]), step(at[2][0]),
                          step(at[2][1]), step(at[3][0]), step(at[3][1])),
        tail->weights);
  }
  const __m128i both = _mm_hadd_epi32(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
  const __m128 scaled = _mm_mul_ps(_mm_cvtepi32_ps(_mm_add_epi32(sums, both)), _mm_loadu_ps(head.multiplier));
  const __m128i rounded = _mm_cvtps_epi32(_mm_min_ps(scaled, _mm256_castps256_ps128(stage.upper)));
  const __m128i words = _mm_adds_epi16(_mm_packs_epi32(rounded, rounded), _mm256_castsi256_si128(stage.zero_point));
  const int bytes =
      _mm_cvtsi128_si32(_mm_max_epu8(_mm_packus_epi16(words, words), _mm256_castsi256_si128(stage.lower)));
  std::memcpy(out, &bytes, sizeof bytes);
}

}  // namespace narrow::kernels::avx2
