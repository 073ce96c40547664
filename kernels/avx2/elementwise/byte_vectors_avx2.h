// Vectors of bytes for the elementwise operators and pools: the rounding rule, and the remainder after the last whole
// vector. The body for 8 elements computes the remainder on a copy. Therefore no access lies outside of a tensor, and a
// kernel that writes over its input never reads what it has written.
// Everything here is static: see kernels/CMakeLists.txt.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/shared/inline.h"
#include "narrow/types.h"

namespace narrow::kernels::avx2 {

// clamp(round_half_to_even(value) + zero_point, lo, hi) in bytes; NaN becomes lo. The bounds are integers, so clamping
// before rounding has the same result and keeps the conversion in range. The rounding mode is that of the default
// MXCSR.
struct ByteRounder {
  __m256 lo;
  __m256 hi;
  __m256i zero_point;  // 16 x int16
};

NARROW_INLINE ByteRounder make_byte_rounder(std::int32_t zero_point, QRange range) {
  return {_mm256_set1_ps(static_cast<float>(range.lo - zero_point)),
          _mm256_set1_ps(static_cast<float>(range.hi - zero_point)),
          _mm256_set1_epi16(static_cast<std::int16_t>(zero_point))};
}

// max_ps returns its second operand when the first is NaN.
NARROW_INLINE __m256i round_to_int32(const ByteRounder& rounder, __m256 value) {
  return _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(value, rounder.lo), rounder.hi));
}

NARROW_INLINE void store_rounded_32(const ByteRounder& rounder, std::uint8_t* output, __m256 v0, __m256 v1, __m256 v2,
                                    __m256 v3) {
  const __m256i low = _mm256_packs_epi32(round_to_int32(rounder, v0), round_to_int32(rounder, v1));
  const __m256i high = _mm256_packs_epi32(round_to_int32(rounder, v2), round_to_int32(rounder, v3));
  const __m256i bytes = _mm256_packus_epi16(_mm256_add_epi16(low, rounder.zero_point),  //
                                            _mm256_add_epi16(high, rounder.zero_point));
  // The packs work within 128-bit lanes. This restores the order of the groups of four bytes.
  const __m256i ordered = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(output), ordered);
}

NARROW_INLINE void store_rounded_8(const ByteRounder& rounder, std::uint8_t* output, __m256 value) {
  const __m256i integers = round_to_int32(rounder, value);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(integers), _mm256_extracti128_si256(integers, 1));
  const __m128i shifted = _mm_add_epi16(words, _mm256_castsi256_si128(rounder.zero_point));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(output), _mm_packus_epi16(shifted, shifted));
}

// 8 bytes as int32.
NARROW_INLINE __m256i load_8(const std::uint8_t* input) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(input)));
}

static constexpr int kVector = 32;
static constexpr int kHalf = 8;

template <class T>
struct Padded {
  T elems[kHalf];
};

// The last `count` < 8 elements, followed by zeros.
template <class T>
NARROW_INLINE Padded<T> padded(const T* input, std::int64_t count) {
  Padded<T> copy{};
  std::memcpy(copy.elems, input, static_cast<std::size_t>(count) * sizeof(T));
  return copy;
}

// Calls body(input, output) for 8 elements on a copy of the last `count` < 8.
template <class In, class Out, class Body>
NARROW_INLINE void on_copy(const In* input, Out* output, std::int64_t count, Body body) {
  const Padded<In> x = padded(input, count);
  Padded<Out> y;
  body(x.elems, y.elems);
  std::memcpy(output, y.elems, static_cast<std::size_t>(count) * sizeof(Out));
}

// 8 bytes minus a zero point as floats, which is exact.
NARROW_INLINE __m256 centred_8(const std::uint8_t* input, __m256i zero_point) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(load_8(input), zero_point));
}

// Converts bytes to real numbers in units of the output's scale.
struct Scaling {
  __m256i zero_point;
  __m256 multiplier;

  [[gnu::always_inline]] __m256 operator()(const std::uint8_t* x) const {
    return _mm256_mul_ps(centred_8(x, zero_point), multiplier);
  }
};

}  // namespace narrow::kernels::avx2
