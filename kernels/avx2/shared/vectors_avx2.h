// Loads of vectors, and sums that stay in registers.
// Everything here is static, so that no ISA-specific copy is ever visible to the linker.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {

static constexpr int kXBytes = 4;  // of x in a depth step

// Of vpmaddwd that adds pairs of words, where no register is left for them.
alignas(32) static constexpr std::int16_t kOnes[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

NARROW_INLINE __m256i load(const void* aligned) { return _mm256_load_si256(static_cast<const __m256i*>(aligned)); }

// The 4 bytes of a depth step, repeated eight times.
NARROW_INLINE __m256i broadcast4(const void* bytes) {
  std::int32_t four;
  std::memcpy(&four, bytes, sizeof four);
  return _mm256_set1_epi32(four);
}

// Without these, compilers would broadcast several pixels at once and spill.
NARROW_INLINE void keep_in_registers(Acc& acc) { __asm__ volatile("" : "+x"(acc.low), "+x"(acc.high)); }
NARROW_INLINE void keep_in_registers(__m256i& low, __m256i& high) { __asm__ volatile("" : "+x"(low), "+x"(high)); }

}  // namespace narrow::kernels::avx2
