// depthwise_u8_avx2: vpmaddubsw multiplies x and w of two taps and adds the products. All taps and the bias are added
// in 16 bits. This takes half the instructions of depthwise_s16_avx2. It is exact where no sum of a channel leaves
// int16; the weights and the input range prove this. See depthwise_pairs_avx2.h.
// depthwise_u8_wide_bias_avx2: the same where int16 holds the sums of products, but not those with the bias, which is
// added in 32 bits.
#include "kernels/avx2/depthwise/depthwise_pairs_avx2.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

// Sums of bytes in 16 bits, which begin with the 16 words of `first`.
struct Bytes {
  using Sum = __m256i;
  static constexpr std::int64_t kPixelBytes = 32;
  static constexpr int kPixels = 7;

  NARROW_INLINE void add_taps(const TileLines& in, std::int64_t shift, __m256i first, const std::byte* weights,
                              Sum (&sums)[kPixels]) {
    __m256i a0 = first;
    __m256i a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0;
    const std::int64_t step = in.pixel_step;
    std::int64_t group = 0;
    do {
      const std::uint8_t* x = in.lines[group] + shift;
      for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += in.weight_step) {
        const __m256i w = load(weights);
        const std::uint8_t* const third = x + 2 * step + step;
        add(a0, x, w);
        add(a1, x + step, w);
        add(a2, x + 2 * step, w);
        add(a3, third, w);
        add(a4, third + step, w);
        add(a5, third + 2 * step, w);
        add(a6, third + 2 * step + step, w);
      }
    } while (++group < in.groups);
    sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3, sums[4] = a4, sums[5] = a5, sums[6] = a6;
  }

 private:
  NARROW_INLINE void add(__m256i& acc, const std::uint8_t* x, __m256i w) {
    acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(load(x), w));
  }
};

struct U8 : Bytes {
  static constexpr float kMostMultiplier = 65535.0F;    // times an int16 it is an int32
  static constexpr float kLeastMultiplier = 0x1p-100F;  // divided by 2^16 it is exact

  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const std::byte* weights,
                          Sum (&sums)[kPixels]) {
    add_taps(in, shift, load(panel), weights, sums);
  }

  // 2^16 times the sums, which takes no instruction. The multipliers are smaller by the same factor, which changes no
  // rounding.
  NARROW_INLINE Acc wide(Sum sum, const std::byte* /*panel*/) {
    const __m256i zero = _mm256_setzero_si256();
    return {_mm256_unpacklo_epi16(zero, sum), _mm256_unpackhi_epi16(zero, sum)};
  }
  // Products are int32, so they need no limit before they are packed.
  NARROW_INLINE __m256i words(const OutputStage& stage, Sum sum, const std::byte* panel) {
    const Acc acc = wide(sum, panel);
    const float* const multiplier = multipliers(panel);
    const __m256i low = _mm256_cvtps_epi32(scaled(acc.low, multiplier));
    const __m256i high = _mm256_cvtps_epi32(scaled(acc.high, multiplier + 8));
    return _mm256_adds_epi16(_mm256_packs_epi32(low, high), stage.zero_point);
  }
};

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

// Nothing if int16 holds the sums of products of the channel; vpmaddubsw adds two of them in any case.
Refusal refuse_sums_of_products(const ConvolutionProblem& problem, int c) {
  const std::int64_t largest = largest_byte(problem);
  if (largest * problem.sums[c].positive <= INT16_MAX && largest * problem.sums[c].negative >= INT16_MIN) return {};
  return {.why = "a sum of products may exceed int16", .channel = c};
}

Refusal refuse(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_depthwise(problem); refusal.why != nullptr) return refusal;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    if (const Refusal refusal = refuse_sums_of_products(problem, c); refusal.why != nullptr) return refusal;
    if (!depthwise_sums_within(problem, c, INT16_MIN, INT16_MAX)) {
      return {.why = "a whole sum of products and bias may exceed int16", .channel = c};
    }
    if (problem.multiplier[c] > U8::kMostMultiplier || problem.multiplier[c] < U8::kLeastMultiplier) {
      return {.why = "the multiplier is not within 2^-100 and 65535", .channel = c};
    }
  }
  return {};
}

Refusal refuse_wide(const ConvolutionProblem& problem) {
  if (const Refusal refusal = refuse_depthwise(problem); refusal.why != nullptr) return refusal;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    if (const Refusal refusal = refuse_sums_of_products(problem, c); refusal.why != nullptr) return refusal;
  }
  return {};
}

int same_place(int lane) { return lane; }

constexpr LineForm kLine{.rows = 2, .pixel_bytes = Bytes::kPixelBytes, .interleave = interleave<false>};

constexpr DepthwiseForm kU8{.line = kLine,
                            .panels = 2,
                            .lane_channels = 8,
                            .tile_pixels = Bytes::kPixels,
                            .bias_bytes = 2,
                            .place = place_in_panel,
                            .weight_place = same_place,
                            .costs = &costs::Table::depthwise_u8_avx2,
                            .run = run<U8>,
                            .run_rows = nullptr};
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

const ConvolutionKernel kDepthwiseU8 =
    depthwise_kernel<kU8, refuse>("depthwise_u8_avx2", Isa::kAvx2, InstructionMix::kBytes);
const ConvolutionKernel kDepthwiseU8WideBias =
    depthwise_kernel<kU8WideBias, refuse_wide>("depthwise_u8_wide_bias_avx2", Isa::kAvx2, InstructionMix::kBytes);

}  // namespace narrow::kernels::avx2
