// depthwise_u8_wide_bias_avx2: bytes, see depthwise_bytes_avx2.h, and the bias in 32 bits. For layers that
// depthwise_u8_avx2 refuses because int16 does not hold sums with the bias, or because of a multiplier.
#include "kernels/avx2/depthwise/depthwise_bytes_avx2.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

struct U8WideBias : Bytes {
  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* /*panel*/, const std::byte* weights,
                          Sum (&sums)[kPixels]) {
    add_taps(in, shift, _mm256_setzero_si256(), weights, sums);
  }

  NARROW_INLINE Acc wide(Sum sum, const std::byte* panel) {
    const __m256i zero = _mm256_setzero_si256();
    const __m256i low = _mm256_srai_epi32(_mm256_unpacklo_epi16(zero, sum), 16);
    const __m256i high = _mm256_srai_epi32(_mm256_unpackhi_epi16(zero, sum), 16);
    return {_mm256_add_epi32(low, load(panel)), _mm256_add_epi32(high, load(panel + 32))};
  }
  NARROW_INLINE __m256i words(const OutputStage& stage, Sum sum, const std::byte* panel) {
    return requantized_words(stage, wide(sum, panel), multipliers(panel));
  }
};

Refusal refuse(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_depthwise(problem); refusal.why != nullptr) return refusal;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    if (const Refusal refusal = refuse_sums_of_products(problem, c); refusal.why != nullptr) return refusal;
  }
  return {};
}

constexpr DepthwiseForm kU8WideBias{.line = kLine,
                                    .panels = 2,
                                    .lane_channels = 8,
                                    .tile_pixels = Bytes::kPixels,
                                    .bias_bytes = 4,
                                    .place = place_in_panel,
                                    .weight_place = same_place,
                                    .costs = &costs::Table::depthwise_u8_wide_bias_avx2,
                                    .run = run<U8WideBias>,
                                    .run_rows = nullptr};

}  // namespace

const ConvolutionKernel kDepthwiseU8WideBias =
    depthwise_kernel<kU8WideBias, refuse>("depthwise_u8_wide_bias_avx2", Isa::kAvx2, InstructionMix::kBytes);

}  // namespace narrow::kernels::avx2
