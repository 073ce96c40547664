// What depthwise_u8_avx2 and depthwise_u8_wide_bias_avx2 share: vpmaddubsw multiplies x and w of two taps and adds the
// products, and all taps are added in 16 bits. It is exact where no sum of products of a channel leaves int16; the
// weights and the input range prove this. Everything here is static: see kernels/CMakeLists.txt.
#pragma once

#include "kernels/avx2/depthwise/depthwise_pairs_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {

// Sums of bytes in 16 bits, which begin with the 16 words of `first`.
struct Bytes {
  using Sum = __m256i;
  static constexpr std::int64_t kPixelBytes = 32;
  static constexpr int kPixels = 7;
  static constexpr float kLeastMultiplier = 0x1p-100F;  // divided by 2^16 it is exact

  // 2^16 times the sums, which takes no instruction. The multipliers are smaller by the same factor, which changes no
  // rounding.
  NARROW_INLINE Acc widened(Sum sum) {
    const __m256i zero = _mm256_setzero_si256();
    return {_mm256_unpacklo_epi16(zero, sum), _mm256_unpackhi_epi16(zero, sum)};
  }

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

// Nothing if int16 holds the sums of products of the channel; vpmaddubsw adds two of them in any case.
static Refusal refuse_sums_of_products(const ConvolutionProblem& problem, int c) {
  const std::int64_t largest = largest_byte(problem);
  if (largest * problem.sums[c].positive <= INT16_MAX && largest * problem.sums[c].negative >= INT16_MIN) return {};
  return {.why = "a sum of products may exceed int16", .channel = c};
}

static int same_place(int lane) { return lane; }

constexpr LineForm kLine{.rows = 2, .pixel_bytes = Bytes::kPixelBytes, .interleave = interleave<false>};

}  // namespace narrow::kernels::avx2
