// B d for columns of six pixels, the first half of B d B^T: see winograd_plan_avx2.h. Columns come first, whole lines
// at once, so that columns which two tiles share are computed once and borders are a matter of pointers.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_plan_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// B d for 16 columns (or rows) at once.
__attribute__((always_inline)) static inline void transform_winograd_input(const __m256i* d, __m256i* out) {
  const __m256i d42 = _mm256_sub_epi16(d[4], d[2]);
  const __m256i d31 = _mm256_sub_epi16(d[3], d[1]);
  const __m256i twice = _mm256_add_epi16(d31, d31);
  out[0] = _mm256_add_epi16(_mm256_slli_epi16(_mm256_sub_epi16(d[0], d[2]), 2), d42);
  out[1] = _mm256_sub_epi16(_mm256_slli_epi16(_mm256_add_epi16(d[1], d[2]), 2), _mm256_add_epi16(d[3], d[4]));
  out[2] = _mm256_sub_epi16(_mm256_slli_epi16(_mm256_sub_epi16(d[2], d[1]), 2), _mm256_sub_epi16(d[4], d[3]));
  out[3] = _mm256_add_epi16(d42, twice);
  out[4] = _mm256_sub_epi16(d42, twice);
  out[5] = _mm256_sub_epi16(_mm256_sub_epi16(d[5], d[3]), _mm256_add_epi16(twice, twice));
}

// `count` bytes of each of six rows to six lines of int16, `line_bytes` apart.
void transform_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines, std::int64_t line_bytes);

// The same for `count` columns of padding.
void fill_columns(std::int32_t zero_point, std::int64_t count, std::byte* lines, std::int64_t line_bytes);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
