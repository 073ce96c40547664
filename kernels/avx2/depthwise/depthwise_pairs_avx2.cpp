// One filter per channel (groups == in_c == out_c), any window, stride, dilation and padding:
//   depthwise_s16_avx2: x * w of two taps in vpmaddwd, exact for any 8 x 8 bits.
//   depthwise_u8_avx2:  the same in vpmaddubsw, half the instructions, and all taps and the bias added in 16 bits;
//   exact
//                       only where no sum of a channel leaves int16. The actual weights and the input range prove that.
// -zero_point * sum(w) is in the bias. Tiles of one output row x 16 channels on lines of two rows of the picture
// (depthwise_lines_avx2.h).
#include <immintrin.h>

#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/depthwise/depthwise_interleave_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/depthwise_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

#define NARROW_INLINE __attribute__((always_inline)) static inline

NARROW_INLINE __m256i load(const void* aligned) { return _mm256_load_si256(static_cast<const __m256i*>(aligned)); }

struct S16 {
  using Sum = Acc;
  static constexpr std::int64_t kPixelBytes = 64;
  static constexpr int kPixels = 4;

  // Of pixels whose windows are `shift` bytes from the lines' start. weights: of the panel and output row.
  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const std::byte* weights,
                          Sum (&sums)[kPixels]) {
    Acc a0{load(panel), load(panel + 32)};
    Acc a1 = a0, a2 = a0, a3 = a0;
    const std::int64_t step = in.pixel_step;
    std::int64_t group = 0;
    do {
      const std::uint8_t* x = in.lines[group] + shift;
      for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += in.weight_step) {
        const __m256i low = load(weights);
        const __m256i high = load(weights + 32);
        add(a0, x, low, high);
        add(a1, x + step, low, high);
        add(a2, x + 2 * step, low, high);
        add(a3, x + 3 * step, low, high);
      }
    } while (++group < in.groups);
    sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
  }

  NARROW_INLINE Acc wide(const Sum& sum) { return sum; }
  // Outputs before they are limited to bytes.
  NARROW_INLINE __m256i words(const OutputStage& stage, const Sum& sum, const float* multiplier) {
    return requantized_words(stage, sum, multiplier);
  }

 private:
  NARROW_INLINE void add(Acc& acc, const std::uint8_t* x, __m256i low, __m256i high) {
    acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(load(x), low));
    acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(load(x + 32), high));
  }
};

struct U8 {
  using Sum = __m256i;
  static constexpr std::int64_t kPixelBytes = 32;
  static constexpr int kPixels = 7;
  static constexpr float kMostMultiplier = 65535.0F;    // its product with an int16 is an int32
  static constexpr float kLeastMultiplier = 0x1p-100F;  // that / 2^16 is exact

  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const std::byte* weights,
                          Sum (&sums)[kPixels]) {
    __m256i a0 = load(panel);
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

  // 2^16 times the sums: that costs nothing, and multipliers are smaller by as much, which no rounding notices.
  NARROW_INLINE Acc wide(Sum sum) {
    const __m256i zero = _mm256_setzero_si256();
    return {_mm256_unpacklo_epi16(zero, sum), _mm256_unpackhi_epi16(zero, sum)};
  }
  // Products are within int32, so that nothing needs to be limited before it is packed.
  NARROW_INLINE __m256i words(const OutputStage& stage, Sum sum, const float* multiplier) {
    const Acc acc = wide(sum);
    const __m256i low = _mm256_cvtps_epi32(scaled(acc.low, multiplier));
    const __m256i high = _mm256_cvtps_epi32(scaled(acc.high, multiplier + 8));
    return _mm256_adds_epi16(_mm256_packs_epi32(low, high), stage.zero_point);
  }

 private:
  NARROW_INLINE void add(__m256i& acc, const std::uint8_t* x, __m256i w) {
    acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(load(x), w));
  }
};

bool accepts_u8(const ConvolutionProblem& problem) {
  if (!accepts_depthwise(problem)) return false;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    if (!depthwise_sums_within(problem, c, INT16_MIN, INT16_MAX)) return false;
    // vpmaddubsw adds two products.
    const std::int64_t largest = largest_byte(problem);
    if (largest * problem.sums[c].positive > INT16_MAX || largest * problem.sums[c].negative < INT16_MIN) return false;
    if (problem.multiplier[c] > U8::kMostMultiplier || problem.multiplier[c] < U8::kLeastMultiplier) return false;
  }
  return true;
}

// Bytes of two vectors of words, neighbours within 128-bit lanes.
NARROW_INLINE __m256i bytes(__m256i first, __m256i second, __m256i lo, __m256i hi) {
  return _mm256_min_epu8(_mm256_max_epu8(_mm256_packus_epi16(first, second), lo), hi);
}

// uint8 outputs of whole panels, one or two, in rows of at least a tile's.
template <class Element, int kPanels>
__attribute__((noinline)) void run_whole(const ConvolutionProblem& problem, const TileLines& in,
                                         const DepthwiseBlock& block) {
  constexpr int kPixels = Element::kPixels;
  const OutputStage stage = output_stage(problem);
  const __m256i lo = stage.lower;
  const __m256i hi = _mm256_set1_epi8(static_cast<char>(problem.output_range.hi));
  const std::ptrdiff_t out_c = stage.out_c;
  const std::byte* const first = block.packed;
  const std::byte* const second = block.packed + block.packed_step;
  std::uint8_t* row = static_cast<std::uint8_t*>(block.output) + block.index;
  std::int64_t weights = kDepthwiseHeadBytes;
  for (int left = block.rows; left > 0; --left, row += problem.shape.out_w * out_c, weights += Element::kPixelBytes) {
    for (int x = 0; x < block.columns; x += kPixels) {
      // The last tile begins earlier, and computes some outputs again.
      if (x + kPixels > block.columns) x = block.columns - kPixels;
      const std::int64_t shift = x * in.pixel_step;
      std::uint8_t* const out = row + x * out_c;
      typename Element::Sum sums[kPixels];
      __m256i words[kPixels];
      Element::tile(in, shift, first, first + weights, sums);
      const float* multiplier = reinterpret_cast<const float*>(first + kDepthwiseMultiplier);
#pragma GCC unroll 7
      for (int i = 0; i < kPixels; ++i) words[i] = Element::words(stage, sums[i], multiplier);
      if constexpr (kPanels == 2) {
        Element::tile(in, shift + in.panel_step, second, second + weights, sums);
        multiplier = reinterpret_cast<const float*>(second + kDepthwiseMultiplier);
#pragma GCC unroll 7
        for (int i = 0; i < kPixels; ++i) {
          _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * out_c),
                              bytes(words[i], Element::words(stage, sums[i], multiplier), lo, hi));
        }
      } else {
#pragma GCC unroll 7
        for (int i = 0; i < kPixels; i += 2) {
          const int next = i + 1 < kPixels ? i + 1 : i;
          const __m256i two = _mm256_permute4x64_epi64(bytes(words[i], words[next], lo, hi), 0xD8);
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i * out_c), _mm256_castsi256_si128(two));
          _mm_storeu_si128(reinterpret_cast<__m128i*>(out + next * out_c), _mm256_extracti128_si256(two, 1));
        }
      }
    }
  }
}

// One panel, any outputs.
template <class Element>
__attribute__((noinline)) void run_any(const ConvolutionProblem& problem, const TileLines& in,
                                       const DepthwiseBlock& block) {
  constexpr int kPixels = Element::kPixels;
  const OutputStage stage = output_stage(problem);
  const float* const multiplier = reinterpret_cast<const float*>(block.packed + kDepthwiseMultiplier);
  for (int row = 0; row < block.rows; ++row) {
    const std::byte* const weights = block.packed + kDepthwiseHeadBytes + row * Element::kPixelBytes;
    for (int x = 0; x < block.columns; x += kPixels) {
      typename Element::Sum sums[kPixels];
      Element::tile(in, x * in.pixel_step, block.packed, weights, sums);
      Acc acc[kPixels];
      for (int i = 0; i < kPixels; ++i) acc[i] = Element::wide(sums[i]);
      const int pixels = block.columns - x < kPixels ? block.columns - x : kPixels;
      store_panel(problem, stage, acc, pixels, multiplier, block.channels, block.output,
                  block.index + (std::int64_t{row} * problem.shape.out_w + x) * stage.out_c);
    }
  }
}

template <class Element>
void run(const ConvolutionProblem& problem, const TileLines& in, const DepthwiseBlock& block) {
  if (block.channels > kDepthwiseChannels) {
    run_whole<Element, 2>(problem, in, block);
  } else if (block.channels == kDepthwiseChannels && problem.output_type == OutputType::kUint8 &&
             block.columns >= Element::kPixels) {
    run_whole<Element, 1>(problem, in, block);
  } else {
    run_any<Element>(problem, in, block);
  }
}

int same_place(int lane) { return lane; }

constexpr DepthwiseForm kS16{.line = {.rows = 2, .pixel_bytes = S16::kPixelBytes, .interleave = interleave_words},
                             .panels = 2,
                             .lane_channels = 8,
                             .tile_pixels = S16::kPixels,
                             .bias_bytes = 4,
                             .place = place_in_panel,
                             .weight_place = place_in_panel,
                             .cycles = {.tap = 1.6, .pixel = 6, .line = 3},
                             .run = run<S16>,
                             .run_rows = nullptr};

constexpr DepthwiseForm kU8{.line = {.rows = 2, .pixel_bytes = U8::kPixelBytes, .interleave = interleave_bytes},
                            .panels = 2,
                            .lane_channels = 8,
                            .tile_pixels = U8::kPixels,
                            .bias_bytes = 2,
                            .place = place_in_panel,
                            .weight_place = same_place,
                            .cycles = {.tap = 0.77, .pixel = 5.5, .line = 2.5},
                            .run = run<U8>,
                            .run_rows = nullptr};

}  // namespace

const ConvolutionKernel kDepthwiseS16 = depthwise_kernel<kS16>("depthwise_s16_avx2", Isa::kAvx2, accepts_depthwise);
const ConvolutionKernel kDepthwiseU8 = depthwise_kernel<kU8>("depthwise_u8_avx2", Isa::kAvx2, accepts_u8);

}  // namespace narrow::kernels::avx2
