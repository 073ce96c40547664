// One filter per channel (groups == in_c == out_c), any window, stride, dilation and padding:
//   depthwise_s16_avx2: x * w of two taps in vpmaddwd, exact for any 8 x 8 bits.
//   depthwise_u8_avx2:  the same in vpmaddubsw, half the instructions, and all taps added in 16 bits; exact only where
//                       no sum of a channel exceeds int16. The actual weights and the input range prove that.
// -zero_point * sum(w) is in the bias. Tiles of 4 or 8 output pixels x 16 channels on lines of depthwise_rows_avx2.h.
// Packed: for each panel of 16 channels int32 bias[16], float multiplier[16], then for each pair of taps, each column
//   of the window, the weights that meet a pixel of a line, in its order. All 32-byte aligned.
#include "kernels/avx2/depthwise_avx2.h"

#include <immintrin.h>

#include <cstring>
#include <type_traits>

#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/convolution_output_avx2.h"
#include "kernels/avx2/convolution_panels_avx2.h"
#include "kernels/avx2/depthwise_rows_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kHeadBytes = 128;

#define NARROW_INLINE __attribute__((always_inline)) static inline

NARROW_INLINE __m256i load(const void* aligned) { return _mm256_load_si256(static_cast<const __m256i*>(aligned)); }

struct S16 {
  static constexpr PairElement kElement = PairElement::kS16;
  static constexpr int kPixels = 4;
  static constexpr DepthwiseCycles kCycles{.tap = 1.25, .pixel = 6, .line = 3};

  // Of pixels whose windows are `shift` bytes from the lines' start: finish(pixel, acc of it, acc of the next).
  template <class Finish>
  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const Finish& finish) {
    Acc a0{load(panel), load(panel + 32)};
    Acc a1 = a0, a2 = a0, a3 = a0;
    const std::byte* weights = panel + kHeadBytes;
    const std::int64_t step = in.pixel_step;
    for (std::int64_t pair = 0; pair < in.pairs; ++pair) {
      const std::uint8_t* x = in.lines[pair] + shift;
      for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += 64) {
        const __m256i low = load(weights);
        const __m256i high = load(weights + 32);
        add(a0, x, low, high);
        add(a1, x + step, low, high);
        add(a2, x + 2 * step, low, high);
        add(a3, x + 3 * step, low, high);
      }
    }
    finish(0, a0, a1);
    finish(2, a2, a3);
  }

 private:
  NARROW_INLINE void add(Acc& acc, const std::uint8_t* x, __m256i low, __m256i high) {
    acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(load(x), low));
    acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(load(x + 32), high));
  }
};

struct U8 {
  static constexpr PairElement kElement = PairElement::kU8;
  static constexpr int kPixels = 8;
  static constexpr DepthwiseCycles kCycles{.tap = 0.7, .pixel = 6, .line = 3};

  template <class Finish>
  NARROW_INLINE void tile(const TileLines& in, std::int64_t shift, const std::byte* panel, const Finish& finish) {
    __m256i a0 = _mm256_setzero_si256();
    __m256i a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
    const std::byte* weights = panel + kHeadBytes;
    const std::int64_t step = in.pixel_step;
    for (std::int64_t pair = 0; pair < in.pairs; ++pair) {
      const std::uint8_t* x = in.lines[pair] + shift;
      for (std::int64_t column = in.columns; column > 0; --column, x += in.column_step, weights += 32) {
        const __m256i w = load(weights);
        const std::uint8_t* const fourth = x + 4 * step;
        add(a0, x, w);
        add(a1, x + step, w);
        add(a2, x + 2 * step, w);
        add(a3, fourth - step, w);
        add(a4, fourth, w);
        add(a5, fourth + step, w);
        add(a6, fourth + 2 * step, w);
        add(a7, fourth + 4 * step - step, w);
      }
    }
    const Acc bias{load(panel), load(panel + 32)};
    finish(0, widened(bias, a0), widened(bias, a1));
    finish(2, widened(bias, a2), widened(bias, a3));
    finish(4, widened(bias, a4), widened(bias, a5));
    finish(6, widened(bias, a6), widened(bias, a7));
  }

 private:
  NARROW_INLINE void add(__m256i& acc, const std::uint8_t* x, __m256i w) {
    acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(load(x), w));
  }
  NARROW_INLINE Acc widened(const Acc& bias, __m256i words) {
    const __m256i sign = _mm256_srai_epi16(words, 15);
    return {_mm256_add_epi32(bias.low, _mm256_unpacklo_epi16(words, sign)),
            _mm256_add_epi32(bias.high, _mm256_unpackhi_epi16(words, sign))};
  }
};

template <class Element>
struct Layout {
  explicit Layout(const ConvolutionShape& shape)
      : plan(plan_pairs(shape, Element::kElement, Element::kPixels)),
        panels((std::int64_t{shape.out_c} + kDepthwiseChannels - 1) / kDepthwiseChannels),
        panel_bytes(kHeadBytes + plan.pairs * shape.kernel_w * plan.pixel_bytes) {}

  PairPlan plan;
  std::int64_t panels;
  std::int64_t panel_bytes;
};

bool accepts_s16(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  return shape.groups == shape.in_c && shape.out_c == shape.in_c && fits_bytes(problem) && folded_bias_fits(problem);
}

bool accepts_u8(const ConvolutionProblem& problem) {
  if (!accepts_s16(problem)) return false;
  const std::int32_t largest = largest_byte(problem);
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const WeightSums& sums = problem.sums[c];
    if (largest * sums.positive > INT16_MAX || largest * sums.negative < INT16_MIN) return false;
  }
  return true;
}

int channel_step(const ConvolutionProblem& /*problem*/) { return kDepthwiseChannels; }

template <class Element>
double cost(const ConvolutionProblem& problem, const DepthwiseCycles& cycles) {
  const ConvolutionShape& shape = problem.shape;
  const Layout<Element> layout(shape);
  const double taps = static_cast<double>(layout.plan.pairs) * shape.kernel_w;
  const double pixels = static_cast<double>(shape.out_h) * shape.out_w;
  const double lines = static_cast<double>(shape.out_h * shape.stride_h) / static_cast<double>(layout.plan.line_step);
  return static_cast<double>(layout.panels) * (pixels * (taps * cycles.tap + cycles.pixel) +
                                               lines * static_cast<double>(layout.plan.line_pixels) * cycles.line);
}

template <class Element>
std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const Layout<Element> layout(problem.shape);
  return static_cast<std::size_t>(layout.panels * layout.panel_bytes);
}

// Where the weight of channel c (0..15) and tap (pair, 0) is among those that meet a pixel of a line.
template <class Element>
std::int64_t place(int c) {
  return 2 * std::int64_t{Element::kElement == PairElement::kS16 ? place_in_panel(c) : c};
}

template <class Element>
void pack(const ConvolutionProblem& problem, std::byte* packed) {
  using Weight = std::conditional_t<Element::kElement == PairElement::kS16, std::int16_t, std::int8_t>;
  const ConvolutionShape& shape = problem.shape;
  const Layout<Element> layout(shape);
  const std::int64_t depth = shape.depth();
  std::memset(packed, 0, packed_bytes<Element>(problem));
  for (int c = 0; c < shape.out_c; ++c) {
    const int lane = c % static_cast<int>(kDepthwiseChannels);
    std::byte* const panel = packed + c / kDepthwiseChannels * layout.panel_bytes;
    const std::int8_t* const from = problem.weights + c * depth;
    reinterpret_cast<std::int32_t*>(panel)[place_in_panel(lane)] =
        static_cast<std::int32_t>(problem.bias[c] - problem.input_zero_point * problem.sums[c].total());
    reinterpret_cast<float*>(panel + 64)[place_in_panel(lane)] = problem.multiplier[c];
    Weight* const to = reinterpret_cast<Weight*>(panel + kHeadBytes) + place<Element>(lane);
    for (std::int64_t row = 0; row < shape.kernel_h; ++row) {
      for (std::int64_t column = 0; column < shape.kernel_w; ++column) {
        to[(row / 2 * shape.kernel_w + column) * 2 * kDepthwiseChannels + row % 2] =
            static_cast<Weight>(widened(from[row * shape.kernel_w + column]));
      }
    }
  }
}

template <class Element>
std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  const Layout<Element> layout(problem.shape);
  return static_cast<std::size_t>(layout.plan.workspace_bytes +
                                  layout.plan.pairs * std::int64_t{sizeof(const std::uint8_t*)});
}

template <class Element>
__attribute__((noinline)) void run_whole_row(const ConvolutionProblem& problem, const TileLines& in,
                                             const std::byte* panel, std::uint8_t* output) {
  const OutputStage stage = output_stage(problem);
  const float* const multiplier = reinterpret_cast<const float*>(panel + 64);
  const int out_w = problem.shape.out_w;
  for (int x = 0; x < out_w; x += Element::kPixels) {
    // The last tile begins earlier, and computes some outputs again.
    if (x + Element::kPixels > out_w) x = out_w - Element::kPixels;
    std::uint8_t* const out = output + x * stage.out_c;
    Element::tile(in, x * in.pixel_step, panel, [&](int pixel, const Acc& first, const Acc& second) {
      store_pixels(stage, first, second, multiplier, out + pixel * stage.out_c);
    });
  }
}

// Any row; `index` is that of its first output.
template <class Element>
__attribute__((noinline)) void run_row(const ConvolutionProblem& problem, const OutputStage& stage, const TileLines& in,
                                       const std::byte* panel, int channels, void* output, std::int64_t index) {
  const int out_w = problem.shape.out_w;
  for (int x = 0; x < out_w; x += Element::kPixels) {
    Acc acc[Element::kPixels];
    Element::tile(in, x * in.pixel_step, panel, [&](int pixel, const Acc& first, const Acc& second) {
      acc[pixel] = first;
      acc[pixel + 1] = second;
    });
    const int pixels = out_w - x < Element::kPixels ? out_w - x : Element::kPixels;
    store_panel(problem, stage, acc, pixels, reinterpret_cast<const float*>(panel + 64), channels, output,
                index + x * stage.out_c);
  }
}

template <class Element>
void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace, const DepthwiseRow& whole_row) {
  const ConvolutionShape& shape = problem.shape;
  const Layout<Element> layout(shape);
  const PairPlan& plan = layout.plan;
  const OutputStage stage = output_stage(problem);
  const std::int64_t picture_bytes = std::int64_t{shape.in_h} * shape.in_w * shape.in_c;
  const std::uint8_t** const table = reinterpret_cast<const std::uint8_t**>(workspace + plan.workspace_bytes);
  const TileLines in{table, plan.pairs, shape.kernel_w, shape.dilation_w * plan.pixel_bytes,
                     shape.stride_w * plan.pixel_bytes};
  const bool whole = shape.out_w >= whole_row.pixels && problem.output_type == OutputType::kUint8;
  for (int channel = part.channel_begin; channel < part.channel_end; channel += kDepthwiseChannels) {
    const std::byte* const panel = packed + channel / kDepthwiseChannels * layout.panel_bytes;
    const int left = part.channel_end - channel;
    const int channels = left < kDepthwiseChannels ? left : static_cast<int>(kDepthwiseChannels);
    for (std::int64_t row = part.row_begin; row < part.row_end;) {
      const std::int64_t of_picture = row + shape.out_h - row % shape.out_h;
      const std::int64_t end = of_picture < part.row_end ? of_picture : part.row_end;
      PairLines lines(problem, plan, input + row / shape.out_h * picture_bytes, channel, channels, workspace);
      for (; row < end; ++row) {
        const std::int64_t first = row % shape.out_h * plan.row_lines;
        for (std::int64_t pair = 0; pair < plan.pairs; ++pair) {
          table[pair] = lines.line(first + pair * plan.pair_lines);
        }
        const std::int64_t index = row * shape.out_w * stage.out_c + channel;
        if (whole && channels == kDepthwiseChannels) {
          whole_row.run(problem, in, panel, static_cast<std::uint8_t*>(output) + index);
        } else {
          run_row<Element>(problem, stage, in, panel, channels, output, index);
        }
      }
    }
  }
}

template <class Element>
double cost_of(const ConvolutionProblem& problem) {
  return cost<Element>(problem, Element::kCycles);
}

template <class Element>
void run_rows(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
              const ConvolutionPart& part, std::byte* workspace) {
  run<Element>(problem, packed, input, output, part, workspace, {Element::kPixels, run_whole_row<Element>});
}

}  // namespace

bool accepts_depthwise(const ConvolutionProblem& problem) { return accepts_s16(problem); }
double depthwise_cost(const ConvolutionProblem& problem, const DepthwiseCycles& cycles) {
  return cost<S16>(problem, cycles);
}
int depthwise_channel_step(const ConvolutionProblem& problem) { return channel_step(problem); }
std::size_t depthwise_packed_bytes(const ConvolutionProblem& problem) { return packed_bytes<S16>(problem); }
void pack_depthwise(const ConvolutionProblem& problem, std::byte* packed) { pack<S16>(problem, packed); }
std::size_t depthwise_workspace_bytes(const ConvolutionProblem& problem) { return workspace_bytes<S16>(problem); }
void run_depthwise(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                   const ConvolutionPart& part, std::byte* workspace, const DepthwiseRow& whole_row) {
  run<S16>(problem, packed, input, output, part, workspace, whole_row);
}

const ConvolutionKernel kDepthwiseS16{"depthwise_s16_avx2", Isa::kAvx2,        accepts_s16, cost_of<S16>,
                                      channel_step,         packed_bytes<S16>, pack<S16>,   workspace_bytes<S16>,
                                      run_rows<S16>};

const ConvolutionKernel kDepthwiseU8{"depthwise_u8_avx2", Isa::kAvx2, accepts_u8,          cost_of<U8>, channel_step,
                                     packed_bytes<U8>,    pack<U8>,   workspace_bytes<U8>, run_rows<U8>};

}  // namespace narrow::kernels::avx2
