#include "kernels/avx512vnni/residual_sums_avx512vnni.h"

#include <immintrin.h>

#include "kernels/avx512vnni/convolution_output_avx512vnni.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx512vnni {
namespace {

using vnni::PanelSums;

struct SumStage {
  Stage bytes;
  __m512 upper;  // hi - zero_point
  __m512 sum_multiplier, residual_multiplier;
  __m512i residual_zero_point;  // int32
  __m512i to_lanes, to_bytes;   // orders of groups of 4 bytes, see below
  __mmask64 channels;
};

// Packing four vectors of int32 leaves, in each 128 bits, 4 bytes of each vector: those of a pixel, or of 4 pixels with
// one vector each, or 2 with two. With three vectors there are bytes that nothing reads. to_lanes brings the bytes of
// these pixels, one after the other, into this order, and to_bytes brings them back.
SumStage stage_of(const ConvolutionProblem& problem, const PanelSums& sums) {
  alignas(64) std::int32_t to_lanes[16], to_bytes[16];
  const int vectors = static_cast<int>(sums.vectors);
  for (int i = 0; i < 16; ++i) to_lanes[i] = to_bytes[i] = 0;
  for (int i = 0; i < 16; ++i) {
    const int vector = i % 4;
    if (vectors == 3 && vector == 3) continue;
    to_lanes[i] = vector / vectors * 4 * vectors + i / 4 * vectors + vector % vectors;
    to_bytes[to_lanes[i]] = i;
  }
  const __mmask64 channels = sums.channels >= 64 ? ~__mmask64{0} : (__mmask64{1} << sums.channels) - 1;
  return {{_mm512_set1_epi16(static_cast<std::int16_t>(problem.output_zero_point)),
           _mm512_set1_epi8(static_cast<char>(problem.output_range.lo)),
           _mm512_set1_epi8(static_cast<char>(problem.output_range.hi))},
          _mm512_set1_ps(static_cast<float>(problem.output_range.hi - problem.output_zero_point)),
          _mm512_set1_ps(problem.residual.sum_multiplier),
          _mm512_set1_ps(problem.residual.multiplier),
          _mm512_set1_epi32(problem.residual.zero_point),
          _mm512_load_si512(to_lanes),
          _mm512_load_si512(to_bytes),
          channels};
}

// The bytes of vector kVector as int32.
template <int kVector>
NARROW_INLINE __m512i widened(__m512i spread) {
  const __m512i first = _mm512_set4_epi32(static_cast<int>(0x80808003), static_cast<int>(0x80808002),
                                          static_cast<int>(0x80808001), static_cast<int>(0x80808000));
  return _mm512_shuffle_epi8(spread, _mm512_add_epi32(first, _mm512_set1_epi32(4 * kVector)));
}

// The product is limited to the integer hi - zero_point before it is rounded, so infinity becomes hi. Very negative
// products convert to INT_MIN and saturate when they are packed to bytes.
template <int kVector>
NARROW_INLINE __m512i sum(const SumStage& stage, __m512i acc, __m512 multiplier, __m512i spread) {
  const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(acc), multiplier);
  const __m512i residual = _mm512_sub_epi32(widened<kVector>(spread), stage.residual_zero_point);
  const __m512 other = _mm512_mul_ps(_mm512_cvtepi32_ps(residual), stage.residual_multiplier);
  const __m512 both = _mm512_add_ps(_mm512_mul_ps(product, stage.sum_multiplier), other);
  return _mm512_cvtps_epi32(_mm512_min_ps(both, stage.upper));
}

// The bytes of four vectors of sums. acc: these vectors. multiplier: of the vectors of one pixel.
template <int kVectors>
NARROW_INLINE __m512i summed(const SumStage& stage, const __m512i* acc, const float* multiplier, __m512i spread) {
  const auto of_vector = [&]<int kVector>() {
    constexpr int kLoaded = kVector % (kVectors == 3 ? 3 : 4);
    return sum<kLoaded>(stage, _mm512_load_si512(acc + kLoaded), _mm512_load_ps(multiplier + kLoaded % kVectors * 16),
                        spread);
  };
  const __m512i low = words(stage.bytes, of_vector.template operator()<0>(), of_vector.template operator()<1>());
  const __m512i high = words(stage.bytes, of_vector.template operator()<2>(), of_vector.template operator()<3>());
  return bytes(stage.bytes, low, high);
}

// Panels of 3 or 4 vectors, one pixel at a time.
template <int kVectors, bool kWhole>
void store_single(const SumStage& stage, const PanelSums& sums, std::int64_t out_c) {
  const __m512i* acc = reinterpret_cast<const __m512i*>(sums.acc);
  const std::uint8_t* residual = sums.residual;
  std::uint8_t* out = sums.out;
  for (std::int64_t i = 0; i < sums.pixels; ++i, acc += kVectors, residual += out_c, out += out_c) {
    __m512i spread = kWhole ? _mm512_loadu_si512(residual) : _mm512_maskz_loadu_epi8(stage.channels, residual);
    if constexpr (kVectors < 4) spread = _mm512_permutexvar_epi32(stage.to_lanes, spread);
    __m512i result = summed<kVectors>(stage, acc, sums.multiplier, spread);
    if constexpr (kVectors < 4) result = _mm512_permutexvar_epi32(stage.to_bytes, result);
    if constexpr (kWhole) {
      _mm512_storeu_si512(out, result);
    } else {
      _mm512_mask_storeu_epi8(out, stage.channels, result);
    }
  }
}

// Panels of 1 or 2 vectors, 4 or 2 pixels at a time. Pixels after the last one are computed and not stored.
template <int kVectors>
void store_several(const SumStage& stage, const PanelSums& sums, std::int64_t out_c) {
  constexpr int kPixels = 4 / kVectors;
  const auto channels = static_cast<__mmask32>(stage.channels);
  const __m512i* acc = reinterpret_cast<const __m512i*>(sums.acc);
  for (std::int64_t i = 0; i < sums.pixels; i += kPixels, acc += 4) {
    const std::int64_t left = sums.pixels - i;
    const std::uint8_t* const residual = sums.residual + i * out_c;
    const auto load = [&](int pixel) {
      return _mm256_maskz_loadu_epi8(channels, pixel < left ? residual + pixel * out_c : residual);
    };
    const auto store = [&](int pixel, __m256i from) {
      if (pixel < left) _mm256_mask_storeu_epi8(sums.out + (i + pixel) * out_c, channels, from);
    };
    if constexpr (kPixels == 2) {
      const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(load(0)), load(1), 1);
      const __m512i result = _mm512_permutexvar_epi32(
          stage.to_bytes,
          summed<kVectors>(stage, acc, sums.multiplier, _mm512_permutexvar_epi32(stage.to_lanes, both)));
      store(0, _mm512_castsi512_si256(result));
      store(1, _mm512_extracti64x4_epi64(result, 1));
    } else {
      const auto four = [&](int pixel) { return _mm256_castsi256_si128(load(pixel)); };
      const __m512i all = _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(four(1), four(0))),
                                             _mm256_set_m128i(four(3), four(2)), 1);
      const __m512i result = _mm512_permutexvar_epi32(
          stage.to_bytes, summed<kVectors>(stage, acc, sums.multiplier, _mm512_permutexvar_epi32(stage.to_lanes, all)));
      const __m256i low = _mm512_castsi512_si256(result);
      const __m256i high = _mm512_extracti64x4_epi64(result, 1);
      store(0, low);
      store(1, _mm256_castsi128_si256(_mm256_extracti128_si256(low, 1)));
      store(2, high);
      store(3, _mm256_castsi128_si256(_mm256_extracti128_si256(high, 1)));
    }
  }
}

}  // namespace

void store_residual_sums(const ConvolutionProblem& problem, const PanelSums& sums) {
  const SumStage stage = stage_of(problem, sums);
  const std::int64_t out_c = problem.shape.out_c;
  switch (sums.vectors) {
    case 1:
      return store_several<1>(stage, sums, out_c);
    case 2:
      return store_several<2>(stage, sums, out_c);
    case 3:
      return store_single<3, false>(stage, sums, out_c);
    default:
      return sums.channels == 64 ? store_single<4, true>(stage, sums, out_c)
                                 : store_single<4, false>(stage, sums, out_c);
  }
}

}  // namespace narrow::kernels::avx512vnni
