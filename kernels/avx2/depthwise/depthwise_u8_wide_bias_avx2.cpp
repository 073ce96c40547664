// depthwise_u8_wide_bias_avx2: bytes, see depthwise_bytes_avx2.h, and the bias in float. For layers that
// depthwise_u8_avx2 refuses because int16 does not hold sums with the bias.
#include "kernels/avx2/depthwise/depthwise_bytes_avx2.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

struct U8WideBias : Bytes {
  static constexpr std::int64_t kMostBias = (1 << 24) - (1 << 15);  // a float holds it, and its sum with an int16
  static constexpr float kMostMultiplier = 127.0F;                  // times such a sum it is an int32
  static constexpr float kMultiplierOfWide = 65536.0F;

  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* /*panel*/, const std::byte* weights,
                          Sum (&sums)[kPixels]) {
    add_taps(in, shift, _mm256_setzero_si256(), weights, sums);
  }

  NARROW_INLINE Acc wide(Sum sum, const std::byte* panel) {
    const Acc acc = widened(sum);
    const auto with_bias = [](__m256i half, const float* bias) {
      const __m256 unscaled = _mm256_mul_ps(_mm256_load_ps(bias), _mm256_set1_ps(1 / 65536.0F));
      return _mm256_add_epi32(_mm256_srai_epi32(half, 16), _mm256_cvtps_epi32(unscaled));
    };
    return {with_bias(acc.low, biases(panel)), with_bias(acc.high, biases(panel) + 8)};
  }
  // The floats are exact, so that only the product with the multiplier is rounded.
  NARROW_INLINE __m256i words(const OutputStage& stage, Sum sum, const std::byte* panel) {
    const Acc acc = widened(sum);
    const auto rounded = [](__m256i half, const float* bias, const float* multiplier) {
      const __m256 with_bias = _mm256_add_ps(_mm256_cvtepi32_ps(half), _mm256_load_ps(bias));
      return _mm256_cvtps_epi32(_mm256_mul_ps(with_bias, _mm256_load_ps(multiplier)));
    };
    const __m256i low = rounded(acc.low, biases(panel), multipliers(panel));
    const __m256i high = rounded(acc.high, biases(panel) + 8, multipliers(panel) + 8);
    return _mm256_adds_epi16(_mm256_packs_epi32(low, high), stage.zero_point);
  }

 private:
  NARROW_INLINE const float* biases(const std::byte* panel) { return reinterpret_cast<const float*>(panel); }
};

Refusal refuse(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_depthwise(problem); refusal.why != nullptr) return refusal;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    if (const Refusal refusal = refuse_sums_of_products(problem, c); refusal.why != nullptr) return refusal;
    const std::int64_t bias = folded_bias(problem, c);
    if (bias > U8WideBias::kMostBias || bias < -U8WideBias::kMostBias) {
      return {.why = "the bias is not within 2^24 - 2^15", .channel = c};
    }
    if (problem.multiplier[c] > U8WideBias::kMostMultiplier || problem.multiplier[c] < Bytes::kLeastMultiplier) {
      return {.why = "the multiplier is not within 2^-100 and 127", .channel = c};
    }
  }
  return {};
}

constexpr DepthwiseForm kU8WideBias{.line = kLine,
                                    .panels = 2,
                                    .lane_channels = 8,
                                    .tile_pixels = Bytes::kPixels,
                                    .bias = DepthwiseBias::kFloat,
                                    .place = place_in_panel,
                                    .weight_place = same_place,
                                    .costs = &costs::Table::depthwise_u8_wide_bias_avx2,
                                    .run = run<U8WideBias>,
                                    .run_rows = nullptr};

}  // namespace

const ConvolutionKernel kDepthwiseU8WideBias =
    depthwise_kernel<kU8WideBias, refuse>("depthwise_u8_wide_bias_avx2", Isa::kAvx2, InstructionMix::kBytes);

}  // namespace narrow::kernels::avx2
