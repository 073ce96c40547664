// depthwise_s16_avx2: vpmaddwd multiplies x and w of two taps and adds the products. It is exact for any 8 x 8 bits.
// See depthwise_pairs_avx2.h.
#include "kernels/avx2/depthwise/depthwise_pairs_avx2.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/shared/inline.h"

namespace narrow::kernels::avx2 {
namespace {

struct S16 {
  using Sum = Acc;
  static constexpr std::int64_t kPixelBytes = 64;
  static constexpr int kPixels = 4;
  static constexpr float kMultiplierOfWide = 1;

  // Sums of pixels whose windows start `shift` bytes after the start of the lines. The weights are those of the panel
  // and output row.
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

  NARROW_INLINE Acc wide(const Sum& sum, const std::byte* /*panel*/) { return sum; }
  // Outputs before they are limited to bytes.
  NARROW_INLINE __m256i words(const OutputStage& stage, const Sum& sum, const std::byte* panel) {
    return requantized_words(stage, sum, multipliers(panel));
  }

 private:
  NARROW_INLINE void add(Acc& acc, const std::uint8_t* x, __m256i low, __m256i high) {
    acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(load(x), low));
    acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(load(x + 32), high));
  }
};

constexpr DepthwiseForm kS16{.line = {.rows = 2, .pixel_bytes = S16::kPixelBytes, .interleave = interleave<true>},
                             .panels = 2,
                             .lane_channels = 8,
                             .tile_pixels = S16::kPixels,
                             .bias = DepthwiseBias::kInt32,
                             .place = place_in_panel,
                             .weight_place = place_in_panel,
                             .costs = &costs::Table::depthwise_s16_avx2,
                             .run = run<S16>,
                             .run_rows = nullptr};

// A function of this file: g++ 14 makes weak symbols of a template's functions where one of the arguments is none.
Refusal refuse(const ConvolutionProblem& problem) { return refuse_depthwise(problem); }

}  // namespace

const ConvolutionKernel kDepthwiseS16 =
    depthwise_kernel<kS16, refuse>("depthwise_s16_avx2", Isa::kAvx2, InstructionMix::kWords);

}  // namespace narrow::kernels::avx2
