// depthwise_s16_avx2: one filter per channel (groups == in_c == out_c), any window, stride, dilation and padding.
// Math: acc = bias + sum over pairs of taps of vpmaddwd(x, w), x = int16 input - zero_point, 0 in the padding; exact
// for
//   any 8 x 8 bits. Tiles of 4 output pixels x 16 channels; the two taps of a pair are interleaved by vpunpck{l,h}wd.
// Packed: int64 offsets[pairs][2] of the taps from the window's pointer; then for each panel of 16 channels int32
// bias[16],
//   float multiplier[16], int16 weights[pairs][2][8][2]: of each pair the channels 0-3, 8-11 and then 4-7, 12-15, which
//   is the order that unpacking gives; bias is in the same order. All 64-byte aligned.
#include <immintrin.h>

#include <cstring>

#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/convolution_block_avx2.h"
#include "kernels/avx2/convolution_output_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kPixels = 4;
constexpr int kChannels = 16;
constexpr std::int64_t kPairBytes = 64;
constexpr std::int64_t kHeadBytes = 128;

struct Layout {
  std::int64_t taps;
  std::int64_t pairs;
  std::int64_t offsets_bytes;
  std::int64_t panels;
  std::int64_t panel_bytes;
};

Layout layout_of(const ConvolutionShape& shape) {
  Layout layout;
  layout.taps = std::int64_t{shape.kernel_h} * shape.kernel_w;
  layout.pairs = (layout.taps + 1) / 2;
  layout.offsets_bytes = (layout.pairs * 2 * std::int64_t{sizeof(std::int64_t)} + 63) / 64 * 64;
  layout.panels = (std::int64_t{shape.out_c} + kChannels - 1) / kChannels;
  layout.panel_bytes = kHeadBytes + layout.pairs * kPairBytes;
  return layout;
}

bool accepts(const ConvolutionProblem& problem) {
  const ConvolutionShape& shape = problem.shape;
  return shape.groups == shape.in_c && shape.out_c == shape.in_c && problem.input_range.lo >= 0 &&
         problem.input_range.hi <= 255 && problem.input_zero_point >= 0 && problem.input_zero_point <= 255 &&
         output_is_supported(problem);
}

int channel_step(const ConvolutionProblem& /*problem*/) { return kChannels; }

double cost(const ConvolutionProblem& problem) {
  constexpr double kPairCycles = 4;  // two taps of a pixel and 16 channels
  constexpr double kTileCycles = 8;
  constexpr double kLoadCycles = 2;  // 16 elements of a block
  const ConvolutionShape& shape = problem.shape;
  const Layout layout = layout_of(shape);
  const double pixels = static_cast<double>(shape.out_h) * shape.out_w;
  const double elements = static_cast<double>(shape.in_h) * shape.in_w * shape.in_c;
  return pixels * static_cast<double>(layout.panels) * (static_cast<double>(layout.pairs) * kPairCycles + kTileCycles) +
         elements / 16 * kLoadCycles;
}

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const Layout layout = layout_of(problem.shape);
  return static_cast<std::size_t>(layout.offsets_bytes + layout.panels * layout.panel_bytes);
}

void pack(const ConvolutionProblem& problem, std::byte* packed) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout = layout_of(shape);
  const BlockPlan plan = plan_blocks(shape, BlockElement::kS16);
  std::memset(packed, 0, packed_bytes(problem));
  std::int64_t* const offsets = reinterpret_cast<std::int64_t*>(packed);
  for (std::int64_t tap = 0; tap < layout.taps; ++tap) {
    offsets[tap] = tap / shape.kernel_w * shape.dilation_h * plan.line_bytes +
                   tap % shape.kernel_w * shape.dilation_w * plan.pixel_bytes;
  }
  // An odd last tap is paired with the first one, at weight 0.
  for (int c = 0; c < shape.out_c; ++c) {
    std::byte* const panel = packed + layout.offsets_bytes + c / kChannels * layout.panel_bytes;
    const int place = place_in_panel(c % kChannels);
    reinterpret_cast<std::int32_t*>(panel)[place] = problem.bias[c];
    reinterpret_cast<float*>(panel + 64)[place] = problem.multiplier[c];
    std::int16_t* const weights = reinterpret_cast<std::int16_t*>(panel + kHeadBytes);
    for (std::int64_t tap = 0; tap < layout.taps; ++tap) {
      weights[(tap / 2 * kChannels + place) * 2 + tap % 2] = widened(problem.weights[c * layout.taps + tap]);
    }
  }
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(plan_blocks(problem.shape, BlockElement::kS16).workspace_bytes);
}

inline __m256i load(const void* from) { return _mm256_loadu_si256(static_cast<const __m256i*>(from)); }

__attribute__((always_inline)) inline void step(Acc& acc, const std::uint8_t* first, const std::uint8_t* second,
                                                __m256i low, __m256i high) {
  __m256i a = load(first);
  __m256i b = load(second);
  __asm__("" : "+x"(a), "+x"(b));  // load once: g++ 12 would rather load for each unpacking
  acc.low = _mm256_add_epi32(acc.low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), low));
  acc.high = _mm256_add_epi32(acc.high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), high));
}

// 4 pixels x 16 channels. With `out`, requantized and stored as uint8; without, the accumulators are stored in `acc`.
// `windows` are those of the pixels, `shift` bytes before the panel's first channel.
__attribute__((noinline)) void tile(const std::uint8_t* const* windows, std::int64_t shift, const std::int64_t* offsets,
                                    std::int64_t pairs, const std::byte* panel, const OutputStage& stage,
                                    std::uint8_t* out, Acc* acc) {
  const std::uint8_t* const p0 = windows[0] + shift;
  const std::uint8_t* const p1 = windows[1] + shift;
  const std::uint8_t* const p2 = windows[2] + shift;
  const std::uint8_t* const p3 = windows[3] + shift;
  Acc a0{load(panel), load(panel + 32)};
  Acc a1 = a0, a2 = a0, a3 = a0;
  const std::byte* weights = panel + kHeadBytes;
  for (std::int64_t pair = 0; pair < pairs; ++pair, weights += kPairBytes) {
    const std::int64_t first = offsets[2 * pair];
    const std::int64_t second = offsets[2 * pair + 1];
    const __m256i low = load(weights);
    const __m256i high = load(weights + 32);
    step(a0, p0 + first, p0 + second, low, high);
    step(a1, p1 + first, p1 + second, low, high);
    step(a2, p2 + first, p2 + second, low, high);
    step(a3, p3 + first, p3 + second, low, high);
  }
  if (out == nullptr) {
    acc[0] = a0;
    acc[1] = a1;
    acc[2] = a2;
    acc[3] = a3;
    return;
  }
  const float* const multiplier = reinterpret_cast<const float*>(panel + 64);
  store_pixels(stage, a0, a1, multiplier, out);
  store_pixels(stage, a2, a3, multiplier, out + 2 * stage.out_c);
}

// 16 channels of a block's pixels; `index` is that of the first output.
void run_panel(const ConvolutionProblem& problem, const OutputStage& stage, const Layout& layout,
               const std::int64_t* offsets, const std::uint8_t* const* windows, std::int64_t pixels,
               const std::byte* panel, int first_channel, void* output, std::int64_t index) {
  const int channels =
      problem.shape.out_c - first_channel < kChannels ? problem.shape.out_c - first_channel : kChannels;
  const std::int64_t shift = std::int64_t{first_channel} * 2;
  Acc acc[kPixels];
  if (channels == kChannels && problem.output_type == OutputType::kUint8) {
    std::uint8_t* out = static_cast<std::uint8_t*>(output) + index;
    for (; pixels >= kPixels; pixels -= kPixels, windows += kPixels, out += kPixels * stage.out_c) {
      tile(windows, shift, offsets, layout.pairs, panel, stage, out, acc);
    }
    index = out - static_cast<std::uint8_t*>(output);
  }
  for (; pixels > 0; pixels -= kPixels, windows += kPixels, index += kPixels * stage.out_c) {
    const int now = pixels < kPixels ? static_cast<int>(pixels) : kPixels;
    // A tile with fewer pixels computes its last one again and does not store it.
    const std::uint8_t* part[kPixels];
    for (int i = 0; i < kPixels; ++i) part[i] = windows[i < now ? i : now - 1];
    tile(part, shift, offsets, layout.pairs, panel, stage, nullptr, acc);
    store_panel(problem, stage, acc, now, reinterpret_cast<const float*>(panel + 64), channels, output, index);
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout = layout_of(shape);
  const BlockPlan plan = plan_blocks(shape, BlockElement::kS16);
  const std::int64_t* const offsets = reinterpret_cast<const std::int64_t*>(packed);
  const OutputStage stage = output_stage(problem);
  for (std::int64_t row = part.row_begin; row < part.row_end; row += plan.block_rows) {
    const std::int64_t rows = part.row_end - row < plan.block_rows ? part.row_end - row : plan.block_rows;
    const std::uint8_t* const* const windows = load_block(problem, plan, input, row, rows, workspace);
    const std::byte* panel = packed + layout.offsets_bytes;
    for (int c = 0; c < shape.out_c; c += kChannels, panel += layout.panel_bytes) {
      if (c < part.channel_begin || c >= part.channel_end) continue;
      run_panel(problem, stage, layout, offsets, windows, rows * shape.out_w, panel, c, output,
                row * shape.out_w * shape.out_c + c);
    }
  }
}

}  // namespace

const ConvolutionKernel kDepthwiseS16{"depthwise_s16_avx2", Isa::kAvx2, accepts,         cost, channel_step,
                                      packed_bytes,         pack,       workspace_bytes, run};

}  // namespace narrow::kernels::avx2
