// What is left over after whole vectors of bytes goes through the body for 8 elements on a copy, so that nothing
// outside of a tensor is touched, and in-place use never reads what it has written. Internal linkage on purpose: see
// kernels/CMakeLists.txt.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/avx2/elementwise/rounding_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {

static constexpr int kBlock = 32;
static constexpr int kHalf = 8;

template <class T>
struct Padded {
  T elems[kHalf];
};

// The last `count` < 8 elements and zeros.
template <class T>
NARROW_INLINE Padded<T> padded(const T* input, std::int64_t count) {
  Padded<T> copy{};
  std::memcpy(copy.elems, input, static_cast<std::size_t>(count) * sizeof(T));
  return copy;
}

// body(input, output) for 8 elements, on a copy of the last `count` < 8.
template <class In, class Out, class Body>
NARROW_INLINE void on_copy(const In* input, Out* output, std::int64_t count, Body body) {
  const Padded<In> x = padded(input, count);
  Padded<Out> y;
  body(x.elems, y.elems);
  std::memcpy(output, y.elems, static_cast<std::size_t>(count) * sizeof(Out));
}

// 8 bytes minus a zero point, as floats: exact.
NARROW_INLINE __m256 centred_8(const std::uint8_t* input, __m256i zero_point) {
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(load_8(input), zero_point));
}

// Bytes to the real numbers that they stand for, in units of the output's scale.
struct Scaling {
  __m256i zero_point;
  __m256 multiplier;

  [[gnu::always_inline]] __m256 operator()(const std::uint8_t* x) const {
    return _mm256_mul_ps(centred_8(x, zero_point), multiplier);
  }
};

}  // namespace narrow::kernels::avx2
