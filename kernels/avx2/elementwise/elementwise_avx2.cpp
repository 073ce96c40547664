#include "kernels/avx2/families_avx2.h"

#include <immintrin.h>

#include "kernels/avx2/elementwise/byte_vectors_avx2.h"

// Every kernel has a body for 32 elements and one for 8. byte_vectors_avx2.h handles the remainder.
namespace narrow::kernels::avx2 {
namespace {

void quantize_f32u8_32_avx2(const QuantizeArgs& args) {
  const Quantization& to = args.output_quantization;
  const ByteRounder rounder = make_byte_rounder(to.zero_point, to.range);
  const __m256 scale = _mm256_set1_ps(to.scale);
  const auto scaled = [scale](const float* x) { return _mm256_div_ps(_mm256_loadu_ps(x), scale); };
  const auto eight = [&](const float* x, std::uint8_t* y) { store_rounded_8(rounder, y, scaled(x)); };

  std::int64_t i = 0;
  for (; i + kVector <= args.count; i += kVector) {
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

void requantize_row(const std::uint8_t* input, std::uint8_t* output, std::int64_t count, const Scaling& scaled,
                    const ByteRounder& rounder) {
  const auto eight = [&](const std::uint8_t* x, std::uint8_t* y) { store_rounded_8(rounder, y, scaled(x)); };
  std::int64_t i = 0;
  for (; i + kVector <= count; i += kVector) {
    const std::uint8_t* x = input + i;
    store_rounded_32(rounder, output + i, scaled(x), scaled(x + 8), scaled(x + 16), scaled(x + 24));
  }
  for (; i + kHalf <= count; i += kHalf) eight(input + i, output + i);
  if (i < count) on_copy(input + i, output + i, count - i, eight);
}

// Input and output share their quantization (concat, channel padding, a clamp). Only the clamp changes bytes.
void clamp_row(const std::uint8_t* input, std::uint8_t* output, std::int64_t count, QRange range) {
  const __m256i lo = _mm256_set1_epi8(static_cast<char>(range.lo));
  const __m256i hi = _mm256_set1_epi8(static_cast<char>(range.hi));
  const auto eight = [=](const std::uint8_t* x, std::uint8_t* y) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y),
                     _mm_min_epu8(_mm_max_epu8(bytes, _mm256_castsi256_si128(lo)), _mm256_castsi256_si128(hi)));
  };
  std::int64_t i = 0;
  for (; i + kVector <= count; i += kVector) {
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

constexpr ElementwiseKernels kElementwise{
    "quantize_f32u8_32_avx2", quantize_f32u8_32_avx2,  "dequantize_u8f32_8_avx2",
    dequantize_u8f32_8_avx2,  "requantize_u8_32_avx2", requantize_u8_32_avx2,
};

}  // namespace

const ElementwiseKernels* elementwise() { return &kElementwise; }

}  // namespace narrow::kernels::avx2
