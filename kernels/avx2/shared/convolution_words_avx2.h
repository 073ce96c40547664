// Depth steps of accumulation runs, for the tiles that add results of vpmaddubsw in 16-bit lanes.
// Everything here is static, so that no ISA-specific copy is ever visible to the linker.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {

static constexpr int kWeightBytes = 64;  // weights of 4 bytes of x
static constexpr int kXBytes = 4;

// The first depth step of a run: words = x * w.
NARROW_INLINE void begin(Acc& words, __m256i x, __m256i low, __m256i high) {
  words.low = _mm256_maddubs_epi16(x, low);
  words.high = _mm256_maddubs_epi16(x, high);
  keep_in_registers(words);
}

// Any other depth step: words += x * w. It is one asm statement of four instructions, because g++ 12 moves sums to a
// new register in each depth step and copies them back at the end of the loop.
NARROW_INLINE void add(Acc& words, __m256i x, __m256i low, __m256i high) {
  __m256i product;
  __asm__ volatile(
      "vpmaddubsw %[w_low], %[x], %[product]\n\t"
      "vpmaddubsw %[w_high], %[x], %[x]\n\t"
      "vpaddw %[product], %[low], %[low]\n\t"
      "vpaddw %[x], %[high], %[high]"
      : [low] "+x"(words.low), [high] "+x"(words.high), [x] "+x"(x), [product] "=&x"(product)
      : [w_low] "x"(low), [w_high] "x"(high));
}

// The end of a run. The vector of ones is in memory, because no register is left for it.
NARROW_INLINE void widen(Acc& acc, const Acc& words) {
  const std::int16_t* ones = kOnes;
  __asm__ volatile("" : "+r"(ones));
  acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(words.low, load(ones)));
  acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(words.high, load(ones)));
  keep_in_registers(acc);
}

}  // namespace narrow::kernels::avx2
