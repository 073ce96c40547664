// Steps of sums in 16-bit lanes: what the tiles that add results of vpmaddubsw are made of.
// Everything here is static, so that no ISA-specific copy is ever visible to the linker.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"

namespace narrow::kernels::avx2 {

static constexpr int kWeightBytes = 64;  // that face 4 bytes of x
static constexpr int kXBytes = 4;
alignas(32) static constexpr std::int16_t kOnes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

__attribute__((always_inline)) static inline __m256i broadcast4(const std::uint8_t* bytes) {
  std::int32_t four;
  std::memcpy(&four, bytes, sizeof four);
  return _mm256_set1_epi32(four);
}

__attribute__((always_inline)) static inline __m256i load_words(const void* aligned) {
  return _mm256_load_si256(static_cast<const __m256i*>(aligned));
}

// Without these, compilers would rather broadcast several pixels at once and spill.
__attribute__((always_inline)) static inline void keep_in_registers(Acc& acc) {
  __asm__ volatile("" : "+x"(acc.low), "+x"(acc.high));
}
__attribute__((always_inline)) static inline void keep_in_registers(__m256i& low, __m256i& high) {
  __asm__ volatile("" : "+x"(low), "+x"(high));
}

// The first step of a window: words = x * w.
__attribute__((always_inline)) static inline void begin(Acc& words, __m256i x, __m256i low, __m256i high) {
  words.low = _mm256_maddubs_epi16(x, low);
  words.high = _mm256_maddubs_epi16(x, high);
  keep_in_registers(words);
}

// Any other: words += x * w. As a statement of four instructions, because g++ 12 gives sums a new register in each
// step and copies them back at the end of the loop.
__attribute__((always_inline)) static inline void add(Acc& words, __m256i x, __m256i low, __m256i high) {
  __m256i product;
  __asm__ volatile(
      "vpmaddubsw %[w_low], %[x], %[product]\n\t"
      "vpmaddubsw %[w_high], %[x], %[x]\n\t"
      "vpaddw %[product], %[low], %[low]\n\t"
      "vpaddw %[x], %[high], %[high]"
      : [low] "+x"(words.low), [high] "+x"(words.high), [x] "+x"(x), [product] "=&x"(product)
      : [w_low] "x"(low), [w_high] "x"(high));
}

// The end of a window. Ones come from memory, there is no register left for them.
__attribute__((always_inline)) static inline void widen(Acc& acc, const Acc& words) {
  const std::int16_t* ones = kOnes;
  __asm__ volatile("" : "+r"(ones));
  acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(words.low, load_words(ones)));
  acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(words.high, load_words(ones)));
  keep_in_registers(acc);
}

}  // namespace narrow::kernels::avx2
