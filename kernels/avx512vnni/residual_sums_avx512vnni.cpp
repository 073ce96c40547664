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

// Packing four vectors of int32 leaves, in each 128 bits, 4 bytes of each vector. A panel of fewer vectors has bytes
// that nothing reads there. to_lanes spreads the bytes of a pixel like this, and to_bytes closes the gaps.
SumStage stage_of(const ConvolutionProblem& problem, const PanelSums& sums) {
  alignas(64) std::int32_t to_lanes[16], to_bytes[16];
  const int vectors = static_cast<int>(sums.vectors);
  for (int i = 0; i < 16; ++i) {
    to_lanes[i] = i / 4 * vectors + (i % 4 < vectors ? i % 4 : 0);
    to_bytes[i] = i < 4 * vectors ? i / vectors * 4 + i % vectors : i;
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

template <int kVectors, bool kWhole>
void store_all(const SumStage& stage, const PanelSums& sums, std::int64_t out_c) {
  const __m512i* acc = reinterpret_cast<const __m512i*>(sums.acc);
  const std::uint8_t* residual = sums.residual;
  std::uint8_t* out = sums.out;
  for (std::int64_t i = 0; i < sums.pixels; ++i, acc += kVectors, residual += out_c, out += out_c) {
    __m512i spread = kWhole ? _mm512_loadu_si512(residual) : _mm512_maskz_loadu_epi8(stage.channels, residual);
    if constexpr (kVectors < 4) spread = _mm512_permutexvar_epi32(stage.to_lanes, spread);
    const auto of_vector = [&]<int kVector>() {
      constexpr int kLoaded = kVector < kVectors ? kVector : 0;
      return sum<kLoaded>(stage, _mm512_load_si512(acc + kLoaded), _mm512_load_ps(sums.multiplier + kLoaded * 16),
                          spread);
    };
    const __m512i low = words(stage.bytes, of_vector.template operator()<0>(), of_vector.template operator()<1>());
    __m512i high = low;
    if constexpr (kVectors > 2) {
      high = words(stage.bytes, of_vector.template operator()<2>(), of_vector.template operator()<3>());
    }
    __m512i result = bytes(stage.bytes, low, high);
    if constexpr (kVectors < 4) result = _mm512_permutexvar_epi32(stage.to_bytes, result);
    if constexpr (kWhole) {
      _mm512_storeu_si512(out, result);
    } else {
      _mm512_mask_storeu_epi8(out, stage.channels, result);
    }
  }
}

}  // namespace

void store_residual_sums(const ConvolutionProblem& problem, const PanelSums& sums) {
  const SumStage stage = stage_of(problem, sums);
  const std::int64_t out_c = problem.shape.out_c;
  switch (sums.vectors) {
    case 1:
      return store_all<1, false>(stage, sums, out_c);
    case 2:
      return store_all<2, false>(stage, sums, out_c);
    case 3:
      return store_all<3, false>(stage, sums, out_c);
    default:
      return sums.channels == 64 ? store_all<4, true>(stage, sums, out_c) : store_all<4, false>(stage, sums, out_c);
  }
}

}  // namespace narrow::kernels::avx512vnni
