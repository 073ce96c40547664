#include "kernels/avx2/elementwise_avx2.h"

#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/rounding_avx2.h"

// Every kernel has a body for 32 elements and one for 8. What is left over goes through the body for 8 on a copy, so
// that nothing outside the tensor is touched, and in-place use never reads what it has written.
namespace narrow::kernels::avx2 {
namespace {

constexpr int kBlock = 32;
constexpr int kHalf = 8;

template <class T>
struct Padded {
  T elems[kHalf];
};

// body(input, output) for 8 elements, on a copy of the last `count` < 8.
template <class In, class Out, class Body>
[[gnu::always_inline]] inline void on_copy(const In* input, Out* output, std::int64_t count, Body body) {
  Padded<In> x{};
  Padded<Out> y;
  std::memcpy(x.elems, input, static_cast<std::size_t>(count) * sizeof(In));
  body(x.elems, y.elems);
  std::memcpy(output, y.elems, static_cast<std::size_t>(count) * sizeof(Out));
}

void quantize_f32u8_32_avx2(const QuantizeArgs& args) {
  const Quantization& to = args.output_quantization;
  const ByteRounder rounder = make_byte_rounder(to.zero_point, to.range);
  const __m256 scale = _mm256_set1_ps(to.scale);
  const auto scaled = [scale](const float* x) { return _mm256_div_ps(_mm256_loadu_ps(x), scale); };
  const auto eight = [&](const float* x, std::uint8_t* y) { store_rounded_8(rounder, y, scaled(x)); };

  std::int64_t i = 0;
  for (; i + kBlock <= args.count; i += kBlock) {
    const float* x = args.input + i;
    store_rounded_32(rounder, args.output + i, scaled(x), scaled(x + 8), scaled(x + 16), scaled(x + 24));
  }
  for (; i + kHalf <= args.count; i += kHalf) eight(args.input + i, args.output + i);
  if (i < args.count) on_copy(args.input + i, args.output + i, args.count - i, eight);
}

void dequantize_u8f32_8_avx2(const DequantizeArgs& args) {
  const Quantization& from = args.input_quantization;
  const __m256 scale = _mm256_set1_ps(from.scale);
  const __m256i zero_point = _mm256_set1_epi32(from.zero_point);
  const auto eight = [=](const std::uint8_t* x, float* y) {
    _mm256_storeu_ps(y, _mm256_mul_ps(scale, _mm256_cvtepi32_ps(_mm256_sub_epi32(load_8(x), zero_point))));
  };
  std::int64_t i = 0;
  for (; i + kHalf <= args.count; i += kHalf) eight(args.input + i, args.output + i);
  if (i < args.count) on_copy(args.input + i, args.output + i, args.count - i, eight);
}

// Bytes to the real numbers that they stand for, in units of the output's scale.
struct Scaling {
  __m256i zero_point;
  __m256 multiplier;

  [[gnu::always_inline]] __m256 operator()(const std::uint8_t* x) const {
    return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(load_8(x), zero_point)), multiplier);
  }
};

void requantize_row(const std::uint8_t* input, std::uint8_t* output, std::int64_t count, const Scaling& scaled,
                    const ByteRounder& rounder) {
  const auto eight = [&](const std::uint8_t* x, std::uint8_t* y) { store_rounded_8(rounder, y, scaled(x)); };
  std::int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    const std::uint8_t* x = input + i;
    store_rounded_32(rounder, output + i, scaled(x), scaled(x + 8), scaled(x + 16), scaled(x + 24));
  }
  for (; i + kHalf <= count; i += kHalf) eight(input + i, output + i);
  if (i < count) on_copy(input + i, output + i, count - i, eight);
}

// The same quantization on both sides (concat, channel padding, a clamp): bytes stay what they are, but for the clamp.
void clamp_row(const std::uint8_t* input, std::uint8_t* output, std::int64_t count, QRange range) {
  const __m256i lo = _mm256_set1_epi8(static_cast<char>(range.lo));
  const __m256i hi = _mm256_set1_epi8(static_cast<char>(range.hi));
  const auto eight = [=](const std::uint8_t* x, std::uint8_t* y) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y),
                     _mm_min_epu8(_mm_max_epu8(bytes, _mm256_castsi256_si128(lo)), _mm256_castsi256_si128(hi)));
  };
  std::int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(input + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(output + i), _mm256_min_epu8(_mm256_max_epu8(bytes, lo), hi));
  }
  for (; i + kHalf <= count; i += kHalf) eight(input + i, output + i);
  if (i < count) on_copy(input + i, output + i, count - i, eight);
}

void requantize_u8_32_avx2(const RequantizeArgs& args) {
  const bool dense = args.input_stride == args.channels && args.output_stride == args.channels;
  const std::int64_t rows = dense ? 1 : args.rows;
  const std::int64_t count = dense ? args.rows * args.channels : args.channels;
  const bool only_clamps = args.multiplier == 1.0F && args.input_zero_point == args.output_zero_point;
  const Scaling scaled{_mm256_set1_epi32(args.input_zero_point), _mm256_set1_ps(args.multiplier)};
  const ByteRounder rounder = make_byte_rounder(args.output_zero_point, args.output_range);
  for (std::int64_t r = 0; r < rows; ++r) {
    const std::uint8_t* x = args.input + r * args.input_stride;
    std::uint8_t* y = args.output + r * args.output_stride;
    if (only_clamps) {
      clamp_row(x, y, count, args.output_range);
    } else {
      requantize_row(x, y, count, scaled, rounder);
    }
  }
}

void add_u8_32_avx2(const AddArgs& args) {
  const Scaling a{_mm256_set1_epi32(args.a_zero_point), _mm256_set1_ps(args.a_multiplier)};
  const Scaling b{_mm256_set1_epi32(args.b_zero_point), _mm256_set1_ps(args.b_multiplier)};
  const ByteRounder rounder = make_byte_rounder(args.output_zero_point, args.output_range);
  const auto sum = [&](const std::uint8_t* x, const std::uint8_t* y) { return _mm256_add_ps(a(x), b(y)); };

  std::int64_t i = 0;
  for (; i + kBlock <= args.count; i += kBlock) {
    const std::uint8_t* x = args.a + i;
    const std::uint8_t* y = args.b + i;
    store_rounded_32(rounder, args.output + i, sum(x, y), sum(x + 8, y + 8), sum(x + 16, y + 16), sum(x + 24, y + 24));
  }
  for (; i + kHalf <= args.count; i += kHalf) store_rounded_8(rounder, args.output + i, sum(args.a + i, args.b + i));
  if (i < args.count) {
    Padded<std::uint8_t> second{};
    std::memcpy(second.elems, args.b + i, static_cast<std::size_t>(args.count - i));
    on_copy(args.a + i, args.output + i, args.count - i,
            [&](const std::uint8_t* x, std::uint8_t* y) { store_rounded_8(rounder, y, sum(x, second.elems)); });
  }
}

constexpr ElementwiseKernels kElementwise{
    "quantize_f32u8_32_avx2", quantize_f32u8_32_avx2, "dequantize_u8f32_8_avx2", dequantize_u8f32_8_avx2,
    "requantize_u8_32_avx2",  requantize_u8_32_avx2,  "add_u8_32_avx2",          add_u8_32_avx2,
};

}  // namespace

const ElementwiseKernels* elementwise() { return &kElementwise; }

}  // namespace narrow::kernels::avx2
