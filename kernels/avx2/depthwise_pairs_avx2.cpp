// One filter per channel (groups == in_c == out_c), any window, stride, dilation and padding:
//   depthwise_s16_avx2: x * w of two taps in vpmaddwd, exact for any 8 x 8 bits.
//   depthwise_u8_avx2:  the same in vpmaddubsw, half the instructions, and all taps added in 16 bits; exact only where
//                       no sum of a channel exceeds int16. The actual weights and the input range prove that.
// -zero_point * sum(w) is in the bias. Tiles of one or two output rows x 16 channels on lines of two rows of the
// picture (depthwise_lines_avx2.h).
#include <immintrin.h>

#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/convolution_output_avx2.h"
#include "kernels/avx2/convolution_panels_avx2.h"
#include "kernels/avx2/depthwise_avx2.h"
#include "kernels/avx2/depthwise_interleave_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

#define NARROW_INLINE __attribute__((always_inline)) static inline

NARROW_INLINE __m256i load(const void* aligned) { return _mm256_load_si256(static_cast<const __m256i*>(aligned)); }

struct S16 {
  static constexpr std::int64_t kPixelBytes = 64;
  static constexpr int kOutputs = 4;  // of a tile, in one row or two

  // Of pixels whose windows are `shift` bytes from the lines' start: finish(pair, acc of output 2 * pair, acc of the
  // next), outputs of a row one after the other.
  template <int kRows, class Finish>
  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const Finish& finish) {
    Acc a0{load(panel), load(panel + 32)};
    Acc a1 = a0, a2 = a0, a3 = a0;
    const std::byte* weights = panel + kDepthwiseHeadBytes;
    const std::int64_t step = in.pixel_step;
    for (std::int64_t group = 0; group < in.groups; ++group) {
      const std::uint8_t* x = in.lines[group] + shift;
      for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += in.weight_step) {
        const __m256i low = load(weights);
        const __m256i high = load(weights + 32);
        if constexpr (kRows == 1) {
          add(a0, x, low, high);
          add(a1, x + step, low, high);
          add(a2, x + 2 * step, low, high);
          add(a3, x + 3 * step, low, high);
        } else {
          const __m256i next_low = load(weights + 64);
          const __m256i next_high = load(weights + 96);
          add(a0, x, low, high);
          add(a2, x, next_low, next_high);
          add(a1, x + step, low, high);
          add(a3, x + step, next_low, next_high);
        }
      }
    }
    finish(0, a0, a1);
    finish(1, a2, a3);
  }

 private:
  NARROW_INLINE void add(Acc& acc, const std::uint8_t* x, __m256i low, __m256i high) {
    acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(load(x), low));
    acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(load(x + 32), high));
  }
};

struct U8 {
  static constexpr std::int64_t kPixelBytes = 32;
  static constexpr int kOutputs = 8;

  template <int kRows, class Finish>
  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const Finish& finish) {
    __m256i a0 = _mm256_setzero_si256();
    __m256i a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
    const std::byte* weights = panel + kDepthwiseHeadBytes;
    const std::int64_t step = in.pixel_step;
    for (std::int64_t group = 0; group < in.groups; ++group) {
      const std::uint8_t* x = in.lines[group] + shift;
      for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += in.weight_step) {
        const __m256i w = load(weights);
        const __m256i x0 = load(x), x1 = load(x + step), x2 = load(x + 2 * step), x3 = load(x + 2 * step + step);
        add(a0, x0, w);
        add(a1, x1, w);
        add(a2, x2, w);
        add(a3, x3, w);
        if constexpr (kRows == 1) {
          const std::uint8_t* const fourth = x + 4 * step;
          add(a4, load(fourth), w);
          add(a5, load(fourth + step), w);
          add(a6, load(fourth + 2 * step), w);
          add(a7, load(fourth + 4 * step - step), w);
        } else {
          const __m256i next = load(weights + 32);
          add(a4, x0, next);
          add(a5, x1, next);
          add(a6, x2, next);
          add(a7, x3, next);
        }
      }
    }
    const Acc bias{load(panel), load(panel + 32)};
    finish(0, widened(bias, a0), widened(bias, a1));
    finish(1, widened(bias, a2), widened(bias, a3));
    finish(2, widened(bias, a4), widened(bias, a5));
    finish(3, widened(bias, a6), widened(bias, a7));
  }

 private:
  NARROW_INLINE void add(__m256i& acc, __m256i x, __m256i w) {
    acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(x, w));
  }
  NARROW_INLINE Acc widened(const Acc& bias, __m256i words) {
    const __m256i sign = _mm256_srai_epi16(words, 15);
    return {_mm256_add_epi32(bias.low, _mm256_unpacklo_epi16(words, sign)),
            _mm256_add_epi32(bias.high, _mm256_unpackhi_epi16(words, sign))};
  }
};

bool accepts_u8(const ConvolutionProblem& problem) {
  if (!accepts_depthwise(problem)) return false;
  const std::int32_t largest = largest_byte(problem);
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const WeightSums& sums = problem.sums[c];
    if (largest * sums.positive > INT16_MAX || largest * sums.negative < INT16_MIN) return false;
  }
  return true;
}

// uint8 outputs of a whole panel, in rows of at least a tile's.
template <class Element, int kRows>
__attribute__((noinline)) void run_whole_row(const ConvolutionProblem& problem, const TileLines& in,
                                             const std::byte* panel, std::uint8_t* output) {
  constexpr int kPixels = Element::kOutputs / kRows;
  const OutputStage stage = output_stage(problem);
  const float* const multiplier = reinterpret_cast<const float*>(panel + 64);
  const int out_w = problem.shape.out_w;
  const std::ptrdiff_t row_bytes = out_w * stage.out_c;
  for (int x = 0; x < out_w; x += kPixels) {
    // The last tile begins earlier, and computes some outputs again.
    if (x + kPixels > out_w) x = out_w - kPixels;
    std::uint8_t* const out = output + x * stage.out_c;
    Element::template tile<kRows>(
        in, in.shift + x * in.pixel_step, panel, [&](int pair, const Acc& first, const Acc& second) {
          const int i = 2 * pair;
          store_pixels(stage, first, second, multiplier, out + i / kPixels * row_bytes + i % kPixels * stage.out_c);
        });
  }
}

// Any row and output.
template <class Element, int kRows>
__attribute__((noinline)) void run_row(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel,
                                       const DepthwiseOutput& out) {
  constexpr int kPixels = Element::kOutputs / kRows;
  const OutputStage stage = output_stage(problem);
  const int out_w = problem.shape.out_w;
  for (int x = 0; x < out_w; x += kPixels) {
    Acc acc[Element::kOutputs];
    Element::template tile<kRows>(in, in.shift + x * in.pixel_step, panel,
                                  [&](int pair, const Acc& first, const Acc& second) {
                                    acc[2 * pair] = first;
                                    acc[2 * pair + 1] = second;
                                  });
    const int pixels = out_w - x < kPixels ? out_w - x : kPixels;
    for (int row = 0; row < kRows; ++row) {
      store_panel(problem, stage, acc + row * kPixels, pixels, reinterpret_cast<const float*>(panel + 64), out.channels,
                  out.output, out.index + (std::int64_t{row} * out_w + x) * stage.out_c);
    }
  }
}

template <class Element, int kRows>
void run_rows(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel,
              const DepthwiseOutput& out) {
  if (problem.shape.out_w >= Element::kOutputs / kRows && problem.output_type == OutputType::kUint8 &&
      out.channels == kDepthwiseChannels) {
    run_whole_row<Element, kRows>(problem, in, panel, static_cast<std::uint8_t*>(out.output) + out.index);
  } else {
    run_row<Element, kRows>(problem, in, panel, out);
  }
}

template <class Element>
void run(const ConvolutionProblem& problem, const TileLines& in, const std::byte* panel, const DepthwiseOutput& out) {
  if (out.rows == 2) {
    run_rows<Element, 2>(problem, in, panel, out);
  } else {
    run_rows<Element, 1>(problem, in, panel, out);
  }
}

int same_place(int channel) { return channel; }

constexpr DepthwiseForm kS16{
    .line = {.rows = 2, .pixel_bytes = S16::kPixelBytes, .panels = 2, .interleave = interleave_words},
    .tile_pixels = S16::kOutputs,
    .place = place_in_panel,
    .weight_place = place_in_panel,
    .cycles = {.tap = 1.25, .pixel = 6, .line = 3},
    .run = run<S16>};

constexpr DepthwiseForm kU8{
    .line = {.rows = 2, .pixel_bytes = U8::kPixelBytes, .panels = 2, .interleave = interleave_bytes},
    .tile_pixels = U8::kOutputs,
    .place = place_in_panel,
    .weight_place = same_place,
    .cycles = {.tap = 0.7, .pixel = 6, .line = 3},
    .run = run<U8>};

}  // namespace

const ConvolutionKernel kDepthwiseS16 = depthwise_kernel<kS16>("depthwise_s16_avx2", Isa::kAvx2, accepts_depthwise);
const ConvolutionKernel kDepthwiseU8 = depthwise_kernel<kU8>("depthwise_u8_avx2", Isa::kAvx2, accepts_u8);

}  // namespace narrow::kernels::avx2
