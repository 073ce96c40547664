// depthwise_u8_avx2: bytes, see depthwise_bytes_avx2.h, and the bias in 16 bits, too. This takes half the instructions
// of depthwise_s16_avx2.
#include "kernels/avx2/depthwise/depthwise_bytes_avx2.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

struct U8 : Bytes {
  static constexpr float kMostMultiplier = 65535.0F;  // times an int16 it is an int32
  static constexpr float kMultiplierOfWide = 1;

  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const std::byte* weights,
                          Sum (&sums)[kPixels]) {
    add_taps(in, shift, load(panel), weights, sums);
  }

  NARROW_INLINE Acc wide(Sum sum, const std::byte* /*panel*/) { return widened(sum); }
  // Products are int32, so they need no limit before they are packed.
  NARROW_INLINE __m256i words(const OutputStage& stage, Sum sum, const std::byte* panel) {
    const Acc acc = widened(sum);
    const float* const multiplier = multipliers(panel);
    const __m256i low = _mm256_cvtps_epi32(scaled(acc.low, multiplier));
    const __m256i high = _mm256_cvtps_epi32(scaled(acc.high, multiplier + 8));
    return _mm256_adds_epi16(_mm256_packs_epi32(low, high), stage.zero_point);
  }
};

Refusal refuse(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_depthwise(problem); refusal.why != nullptr) return refusal;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    if (const Refusal refusal = refuse_sums_of_products(problem, c); refusal.why != nullptr) return refusal;
    if (!depthwise_sums_within(problem, c, INT16_MIN, INT16_MAX)) {
      return {.why = "a whole sum of products and bias may exceed int16", .channel = c};
    }
    if (problem.multiplier[c] > U8::kMostMultiplier || problem.multiplier[c] < Bytes::kLeastMultiplier) {
      return {.why = "the multiplier is not within 2^-100 and 65535", .channel = c};
    }
  }
  return {};
}

constexpr DepthwiseForm kU8{.line = kLine,
                            .panels = 2,
                            .lane_channels = 8,
                            .tile_pixels = Bytes::kPixels,
                            .bias = DepthwiseBias::kInt16,
                            .place = place_in_panel,
                            .weight_place = same_place,
                            .costs = &costs::Table::depthwise_u8_avx2,
                            .run = run<U8>,
                            .run_rows = nullptr};

}  // namespace

const ConvolutionKernel kDepthwiseU8 =
    depthwise_kernel<kU8, refuse>("depthwise_u8_avx2", Isa::kAvx2, InstructionMix::kBytes);

}  // namespace narrow::kernels::avx2
