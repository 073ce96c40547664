// From int32 accumulators of a pixel, 1 to 4 vectors in the order of vnni::place_in_panel, to its bytes.
// Everything here is static, so that no ISA-specific copy is ever visible to the linker.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {

// Nested structs instead of arrays, because g++ 12 keeps arrays of vectors on the stack.
template <int kCount>
struct Vectors {
  __m512i first;
  Vectors<kCount - 1> rest;
};
template <>
struct Vectors<0> {};

template <int kCount>
NARROW_INLINE void load(Vectors<kCount>& to, const __m512i* from) {
  to.first = _mm512_load_si512(from);
  if constexpr (kCount > 1) load(to.rest, from + 1);
}

// refuse_panels has proved that products fit an int32. Therefore packing with saturation is the only clamp before the
// bounds of bytes.
struct Stage {
  __m512i zero_point;  // int16
  __m512i lo, hi;      // uint8
};

NARROW_INLINE __m512i rounded(__m512i acc, __m512 multiplier) {
  return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), multiplier));
}
NARROW_INLINE __m512i words(const Stage& stage, __m512i low, __m512i high) {
  return _mm512_adds_epi16(_mm512_packs_epi32(low, high), stage.zero_point);
}
NARROW_INLINE __m512i bytes(const Stage& stage, __m512i low, __m512i high) {
  return _mm512_min_epu8(_mm512_max_epu8(_mm512_packus_epi16(low, high), stage.lo), stage.hi);
}

// Writes one pixel. Lanes are in the order of place_in_panel, so packed bytes are in order. If there are fewer than 4
// vectors, there are gaps between them.
NARROW_INLINE void write(const Stage& stage, const Vectors<4>& acc, const Vectors<4>& multiplier, std::uint8_t* out) {
  const auto scale = [](__m512i a, __m512i m) { return rounded(a, _mm512_castsi512_ps(m)); };
  const __m512i low = words(stage, scale(acc.first, multiplier.first), scale(acc.rest.first, multiplier.rest.first));
  const __m512i high = words(stage, scale(acc.rest.rest.first, multiplier.rest.rest.first),
                             scale(acc.rest.rest.rest.first, multiplier.rest.rest.rest.first));
  _mm512_storeu_si512(out, bytes(stage, low, high));
}
NARROW_INLINE void write(const Stage& stage, const Vectors<3>& acc, const Vectors<3>& multiplier, std::uint8_t* out) {
  const auto scale = [](__m512i a, __m512i m) { return rounded(a, _mm512_castsi512_ps(m)); };
  const __m512i low = words(stage, scale(acc.first, multiplier.first), scale(acc.rest.first, multiplier.rest.first));
  const __m512i third = scale(acc.rest.rest.first, multiplier.rest.rest.first);
  const __m512i gaps = bytes(stage, low, words(stage, third, third));
  const __m512i order = _mm512_setr_epi32(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 7, 11, 15);
  const __m512i ordered = _mm512_permutexvar_epi32(order, gaps);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_castsi512_si256(ordered));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 32), _mm512_extracti32x4_epi32(ordered, 2));
}
NARROW_INLINE void write(const Stage& stage, const Vectors<2>& acc, const Vectors<2>& multiplier, std::uint8_t* out) {
  const __m512i both = words(stage, rounded(acc.first, _mm512_castsi512_ps(multiplier.first)),
                             rounded(acc.rest.first, _mm512_castsi512_ps(multiplier.rest.first)));
  const __m256i y = _mm512_cvtusepi16_epi8(_mm512_max_epi16(both, _mm512_setzero_si512()));
  _mm256_storeu_si256(
      reinterpret_cast<__m256i*>(out),
      _mm256_min_epu8(_mm256_max_epu8(y, _mm512_castsi512_si256(stage.lo)), _mm512_castsi512_si256(stage.hi)));
}
NARROW_INLINE void write(const Stage& stage, const Vectors<1>& acc, const Vectors<1>& multiplier, std::uint8_t* out) {
  const __m256i both = _mm512_cvtsepi32_epi16(rounded(acc.first, _mm512_castsi512_ps(multiplier.first)));
  const __m256i shifted = _mm256_adds_epi16(both, _mm512_castsi512_si256(stage.zero_point));
  const __m128i y = _mm256_cvtusepi16_epi8(_mm256_max_epi16(shifted, _mm256_setzero_si256()));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                   _mm_min_epu8(_mm_max_epu8(y, _mm512_castsi512_si128(stage.lo)), _mm512_castsi512_si128(stage.hi)));
}

}  // namespace narrow::kernels::avx512vnni
