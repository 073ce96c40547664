#include "kernels/avx2/binary_avx2.h"

#include <immintrin.h>

#include "kernels/avx2/byte_blocks_avx2.h"
#include "kernels/avx2/rounding_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

// One row; combine gives 8 results in units of the output's scale.
template <class Combine>
[[gnu::always_inline]] inline void binary_row(const std::uint8_t* a, const std::uint8_t* b, std::uint8_t* output,
                                              std::int64_t count, const ByteRounder& rounder, const Combine& combine) {
  std::int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
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

template <class Combine>
[[gnu::always_inline]] inline void binary_rows(const BinaryRows& tensors, const ByteRounder& rounder,
                                               const Combine& combine) {
  const bool dense = tensors.a_stride == tensors.channels && tensors.b_stride == tensors.channels;
  const std::int64_t rows = dense ? 1 : tensors.rows;
  const std::int64_t count = dense ? tensors.rows * tensors.channels : tensors.channels;
  for (std::int64_t r = 0; r < rows; ++r) {
    binary_row(tensors.a + r * tensors.a_stride, tensors.b + r * tensors.b_stride,
               tensors.output + r * tensors.channels, count, rounder, combine);
  }
}

void add_u8_32_avx2(const AddArgs& args) {
  const Scaling a{_mm256_set1_epi32(args.a_zero_point), _mm256_set1_ps(args.a_multiplier)};
  const Scaling b{_mm256_set1_epi32(args.b_zero_point), _mm256_set1_ps(args.b_multiplier)};
  const ByteRounder rounder = make_byte_rounder(args.output_zero_point, args.output_range);
  binary_rows(args.tensors, rounder,
              [&](const std::uint8_t* x, const std::uint8_t* y) { return _mm256_add_ps(a(x), b(y)); });
}

// Both factors have 9 bits and a sign, so that their product in floats is the exact one.
void multiply_u8_32_avx2(const MultiplyArgs& args) {
  const __m256i a_zero = _mm256_set1_epi32(args.a_zero_point);
  const __m256i b_zero = _mm256_set1_epi32(args.b_zero_point);
  const __m256 multiplier = _mm256_set1_ps(args.multiplier);
  const ByteRounder rounder = make_byte_rounder(args.output_zero_point, args.output_range);
  binary_rows(args.tensors, rounder, [&](const std::uint8_t* x, const std::uint8_t* y) {
    return _mm256_mul_ps(_mm256_mul_ps(centred_8(x, a_zero), centred_8(y, b_zero)), multiplier);
  });
}

constexpr BinaryKernels kBinary{"add_u8_32_avx2", add_u8_32_avx2, "multiply_u8_32_avx2", multiply_u8_32_avx2};

}  // namespace

const BinaryKernels* binary() { return &kBinary; }

}  // namespace narrow::kernels::avx2
