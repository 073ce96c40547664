// add_u8_64_avx512vnni: kernels/binary.h in vectors of 512 bits. The other binary operators are those of AVX2.
#include <immintrin.h>

#include "kernels/avx512vnni/elementwise_avx512vnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {
namespace {

struct Scaling {
  __m512i zero_point;
  __m512 multiplier;

  [[gnu::always_inline]] __m512 operator()(__m128i bytes) const {
    return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_cvtepu8_epi32(bytes), zero_point)), multiplier);
  }
};

// clamp(round_half_to_even(value) + zero_point, lo, hi); NaN becomes lo. The bounds are integers, so clamping before
// rounding has the same result and keeps the conversion in range.
struct Rounder {
  __m512 lo, hi;
  __m512i zero_point;

  [[gnu::always_inline]] __m512i operator()(__m512 value) const {
    // max_ps returns its second operand when the first is NaN.
    return _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(value, lo), hi)), zero_point);
  }
};

struct Adder {
  Scaling a, b;
  Rounder round;

  [[gnu::always_inline]] __m128i operator()(__m128i x, __m128i y) const {
    return _mm512_maskz_cvtepi32_epi8(0xFFFF, round(_mm512_add_ps(a(x), b(y))));
  }
};

// `count` elements of a row.
NARROW_INLINE void add_row(const Adder& add, const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
                           std::int64_t count) {
  const auto load = [](const std::uint8_t* from) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from)); };
  std::int64_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const __m128i y0 = add(load(a + i), load(b + i));
    const __m128i y1 = add(load(a + i + 16), load(b + i + 16));
    const __m128i y2 = add(load(a + i + 32), load(b + i + 32));
    const __m128i y3 = add(load(a + i + 48), load(b + i + 48));
    __m128i* const to = reinterpret_cast<__m128i*>(output + i);
    _mm_storeu_si128(to, y0);
    _mm_storeu_si128(to + 1, y1);
    _mm_storeu_si128(to + 2, y2);
    _mm_storeu_si128(to + 3, y3);
  }
  for (; i < count; i += 16) {
    const std::int64_t left = count - i;
    const auto mask = static_cast<__mmask16>(left < 16 ? (1U << left) - 1 : 0xFFFFU);
    const __m128i y = add(_mm_maskz_loadu_epi8(mask, a + i), _mm_maskz_loadu_epi8(mask, b + i));
    _mm_mask_storeu_epi8(output + i, mask, y);
  }
}

}  // namespace

void add_u8_64_avx512vnni(const AddArgs& args) {
  const auto shifted = [&](int bound) { return _mm512_set1_ps(static_cast<float>(bound - args.output_zero_point)); };
  const Adder add{
      {_mm512_set1_epi32(args.a_zero_point), _mm512_set1_ps(args.a_multiplier)},
      {_mm512_set1_epi32(args.b_zero_point), _mm512_set1_ps(args.b_multiplier)},
      {shifted(args.output_range.lo), shifted(args.output_range.hi), _mm512_set1_epi32(args.output_zero_point)}};
  const BinaryRows& rows = args.tensors;
  const bool dense =
      rows.a_stride == rows.channels && rows.b_stride == rows.channels && rows.output_stride == rows.channels;
  if (dense) return add_row(add, rows.a, rows.b, rows.output, rows.rows * rows.channels);
  for (std::int64_t r = 0; r < rows.rows; ++r) {
    add_row(add, rows.a + r * rows.a_stride, rows.b + r * rows.b_stride, rows.output + r * rows.output_stride,
            rows.channels);
  }
}

}  // namespace narrow::kernels::avx512vnni
