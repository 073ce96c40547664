// Four rows of the picture, interleaved for vpdpbusd. What is inline here is static, so that no ISA-specific copy is
// ever visible to the linker.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/avx2/shared/depthwise_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx512vnni {

inline constexpr std::int64_t kPixelBytes = 64;  // of a line: 16 channels of four rows

// A pixel's channels of a block of 1, 2 or 4 panels, a quarter of them in each lane. channels: that one panel has.
template <int kPanels>
[[gnu::always_inline]] static inline __m512i load_channels(const std::uint8_t* from, __mmask16 channels) {
  // maskz: without a mask, g++ 12 warns of what the intrinsics themselves leave undefined.
  if constexpr (kPanels == 4) {
    return _mm512_loadu_si512(from);
  } else if constexpr (kPanels == 2) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    return _mm512_maskz_permutexvar_epi64(0xFF, _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3),
                                          _mm512_castsi256_si512(bytes));
  } else {
    const __m128i bytes = _mm_maskz_loadu_epi8(channels, from);
    return _mm512_maskz_permutexvar_epi32(0xFFFF, _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3),
                                          _mm512_castsi128_si512(bytes));
  }
}

// See avx2::Interleave.
void interleave_four(const avx2::LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                     std::int64_t panel_step);

}  // namespace narrow::kernels::avx512vnni
#pragma GCC visibility pop
