#include "kernels/avx2/families_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/elementwise/byte_vectors_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// Computes one row. `combine` returns 8 results in units of the output's scale.
template <class Combine>
NARROW_INLINE void binary_row(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output, std::int64_t count,
                              const ByteRounder& rounder, const Combine& combine) {
  std::int64_t i = 0;
  for (; i + kVector <= count; i += kVector) {
    const std::uint8_t* x = a + i;
    const std::uint8_t* y = b + i;
    store_rounded_32(rounder, output + i, combine(x, y), combine(x + 8, y + 8), combine(x + 16, y + 16),
                     combine(x + 24, y + 24));
  }
  for (; i + kHalf <= count; i += kHalf) store_rounded_8(rounder, output + i, combine(a + i, b + i));
  if (i < count) {
    const Padded<std::uint8_t> second = padded(b + i, count - i);
    on_copy(a + i, output + i, count - i,
            [&](const std::uint8_t* x, std::uint8_t* y) { store_rounded_8(rounder, y, combine(x, second.elems)); });
  }
}

// Calls run(a, b, output, count) for each row, or once if the rows are contiguous.
template <class Run>
NARROW_INLINE void for_each_run(const BinaryRows& tensors, const Run& run) {
  const bool dense = tensors.a_stride == tensors.channels && tensors.b_stride == tensors.channels &&
                     tensors.output_stride == tensors.channels;
  const std::int64_t rows = dense ? 1 : tensors.rows;
  const std::int64_t count = dense ? tensors.rows * tensors.channels : tensors.channels;
  for (std::int64_t r = 0; r < rows; ++r) {
    run(tensors.a + r * tensors.a_stride, tensors.b + r * tensors.b_stride, tensors.output + r * tensors.output_stride,
        count);
  }
}

template <class Combine>
NARROW_INLINE void binary_rows(const BinaryRows& tensors, const ByteRounder& rounder, const Combine& combine) {
  for_each_run(tensors, [&](const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output, std::int64_t count) {
    binary_row(a, b, output, count, rounder, combine);
  });
}

void add_u8_32_avx2(const AddArgs& args) {
  const Scaling a{_mm256_set1_epi32(args.a_zero_point), _mm256_set1_ps(args.a_multiplier)};
  const Scaling b{_mm256_set1_epi32(args.b_zero_point), _mm256_set1_ps(args.b_multiplier)};
  const ByteRounder rounder = make_byte_rounder(args.output_zero_point, args.output_range);
  binary_rows(args.tensors, rounder,
              [&](const std::uint8_t* x, const std::uint8_t* y) { return _mm256_add_ps(a(x), b(y)); });
}

// Both factors have 9 bits and a sign, so their product in float is exact.
void multiply_u8_32_avx2(const MultiplyArgs& args) {
  const __m256i a_zero = _mm256_set1_epi32(args.a_zero_point);
  const __m256i b_zero = _mm256_set1_epi32(args.b_zero_point);
  const __m256 multiplier = _mm256_set1_ps(args.multiplier);
  const ByteRounder rounder = make_byte_rounder(args.output_zero_point, args.output_range);
  binary_rows(args.tensors, rounder, [&](const std::uint8_t* x, const std::uint8_t* y) {
    return _mm256_mul_ps(_mm256_mul_ps(centred_8(x, a_zero), centred_8(y, b_zero)), multiplier);
  });
}

__m256i load_table(const std::int8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
}

struct ByteAdder {
  __m256i a_high, a_low, b_high, b_low, lo, hi;

  [[gnu::always_inline]] void operator()(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output) const {
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(a));
    const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(b));
    const __m256i sum = _mm256_adds_epi8(_mm256_shuffle_epi8(a_high, x), _mm256_shuffle_epi8(b_high, y));
    const __m256i carry = _mm256_cmpgt_epi8(_mm256_shuffle_epi8(a_low, x), _mm256_shuffle_epi8(b_low, y));  // 0 or -1
    const __m256i clamped = _mm256_min_epi8(_mm256_max_epi8(_mm256_subs_epi8(sum, carry), lo), hi);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(output), clamped);
  }
};

void add_u4_32_avx2(const BinaryRows& tensors, const AddTables& tables, QRange output_range) {
  const ByteAdder add{load_table(tables.a_high),
                      load_table(tables.a_low),
                      load_table(tables.b_high),
                      load_table(tables.b_low),
                      _mm256_set1_epi8(static_cast<char>(output_range.lo)),
                      _mm256_set1_epi8(static_cast<char>(output_range.hi))};
  for_each_run(tensors, [&](const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output, std::int64_t count) {
    std::int64_t i = 0;
    for (; i + kVector <= count; i += kVector) add(a + i, b + i, output + i);
    if (i == count) return;
    const auto rest = static_cast<std::size_t>(count - i);
    std::uint8_t x[kVector] = {}, y[kVector] = {};
    std::memcpy(x, a + i, rest);
    std::memcpy(y, b + i, rest);
    add(x, y, x);
    std::memcpy(output + i, x, rest);
  });
}

constexpr BinaryKernels kBinary{"add_u8_32_avx2",    add_u8_32_avx2,   "multiply_u8_32_avx2",
                                multiply_u8_32_avx2, "add_u4_32_avx2", add_u4_32_avx2};

}  // namespace

const BinaryKernels* binary() { return &kBinary; }

}  // namespace narrow::kernels::avx2
