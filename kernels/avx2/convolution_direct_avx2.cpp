// Direct convolution, any groups, strides, dilation and padding: convolution_s16_6x16_avx2 and
// convolution_u8_6x16_avx2. Both tile 6 output pixels x 16 output channels; they differ in what they multiply:
//   s16: (x - zero_point) * w in vpmaddwd, exact for any 8 x 8 bits.
//   u8:  x * w in vpmaddubsw, half the steps; exact only where no pair of products exceeds int16 (it would saturate:
//        211*71 + 171*107 = 33278). The actual weights and the input range prove that. -zero_point * sum(w) is in the
//        bias.
// Packed: int64 offsets of the window's segments; then for each group, each panel of 16 channels:
//   int32 bias[16], float multiplier[16], weights (see convolution_tile_avx2.h), all 64-byte aligned.
#include <cstring>

#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/convolution_block_avx2.h"
#include "kernels/avx2/convolution_output_avx2.h"
#include "kernels/avx2/convolution_tile_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr std::int64_t kStepBytes = 4;  // of a pixel's window that one step of a tile consumes
constexpr std::int64_t kStepWeightBytes = 64;

// A window as contiguous runs of elements: whole rows of it, or, with groups or horizontal dilation, single pixels.
struct Layout {
  int group_in, group_out;
  bool whole_rows;
  std::int64_t segments;
  std::int64_t segment_elems;
  std::int64_t segment_steps;
  std::int64_t step_elems;
  std::int64_t panels;  // of a group
  std::int64_t panel_bytes;
  std::int64_t offsets_bytes;
};

Layout layout_of(const ConvolutionShape& shape, BlockElement element) {
  Layout layout;
  layout.group_in = shape.in_c / shape.groups;
  layout.group_out = shape.out_c / shape.groups;
  layout.whole_rows = shape.groups == 1 && (shape.dilation_w == 1 || shape.kernel_w == 1);
  layout.segments = layout.whole_rows ? shape.kernel_h : std::int64_t{shape.kernel_h} * shape.kernel_w;
  layout.segment_elems = layout.whole_rows ? std::int64_t{shape.kernel_w} * layout.group_in : layout.group_in;
  layout.step_elems = element == BlockElement::kU8 ? 4 : 2;
  layout.segment_steps = (layout.segment_elems + layout.step_elems - 1) / layout.step_elems;
  layout.panels = (layout.group_out + kPanelChannels - 1) / kPanelChannels;
  layout.panel_bytes = kPanelHeadBytes + layout.segments * layout.segment_steps * kStepWeightBytes;
  layout.offsets_bytes = (layout.segments * std::int64_t{sizeof(std::int64_t)} + 63) / 64 * 64;
  return layout;
}

std::int64_t weight_sum(const ConvolutionProblem& problem, const Layout& layout, int channel) {
  const std::int64_t depth = layout.segments * layout.segment_elems;
  const std::int8_t* weights = problem.weights + channel * depth;
  std::int64_t sum = 0;
  for (std::int64_t k = 0; k < depth; ++k) sum += weights[k];
  return sum;
}

bool fits_int32(std::int64_t value) { return value >= INT32_MIN && value <= INT32_MAX; }

bool fits_bytes(const ConvolutionProblem& problem) {
  return problem.input_range.lo >= 0 && problem.input_range.hi <= 255 && problem.input_zero_point >= 0 &&
         problem.input_zero_point <= 255 && output_is_supported(problem);
}

bool accepts_s16(const ConvolutionProblem& problem) { return fits_bytes(problem); }

bool accepts_u8(const ConvolutionProblem& problem) {
  if (!fits_bytes(problem)) return false;
  const Layout layout = layout_of(problem.shape, BlockElement::kU8);
  // The padding holds the zero point, which may lie outside the input's range.
  const std::int32_t largest =
      problem.input_range.hi > problem.input_zero_point ? problem.input_range.hi : problem.input_zero_point;
  const std::int8_t* segment = problem.weights;
  for (int c = 0; c < problem.shape.out_c; ++c) {
    const std::int64_t bias = problem.bias[c] - problem.input_zero_point * weight_sum(problem, layout, c);
    if (!fits_int32(bias)) return false;
    for (std::int64_t s = 0; s < layout.segments; ++s, segment += layout.segment_elems) {
      for (std::int64_t k = 0; k < layout.segment_elems; k += 2) {
        const std::int32_t a = widened(segment[k]);
        const std::int32_t b = k + 1 < layout.segment_elems ? widened(segment[k + 1]) : 0;
        const std::int32_t positive = (a > 0 ? a : 0) + (b > 0 ? b : 0);
        const std::int32_t negative = (a < 0 ? a : 0) + (b < 0 ? b : 0);
        if (largest * positive > INT16_MAX || largest * negative < INT16_MIN) return false;
      }
    }
  }
  return true;
}

template <BlockElement kElement>
std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const Layout layout = layout_of(problem.shape, kElement);
  return static_cast<std::size_t>(layout.offsets_bytes + problem.shape.groups * layout.panels * layout.panel_bytes);
}

// One channel of a panel's weights; `lane` is its place in the panel.
template <BlockElement kElement>
void pack_channel(const Layout& layout, const std::int8_t* weights, int lane, std::byte* panel_weights) {
  for (std::int64_t s = 0; s < layout.segments; ++s) {
    for (std::int64_t k = 0; k < layout.segment_elems; ++k) {
      const std::int64_t step = s * layout.segment_steps + k / layout.step_elems;
      const std::int64_t at = (step * kPanelChannels + lane) * layout.step_elems + k % layout.step_elems;
      if constexpr (kElement == BlockElement::kU8) {
        reinterpret_cast<std::int8_t*>(panel_weights)[at] = *weights++;
      } else {
        reinterpret_cast<std::int16_t*>(panel_weights)[at] = widened(*weights++);
      }
    }
  }
}

template <BlockElement kElement>
void pack(const ConvolutionProblem& problem, std::byte* packed) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout = layout_of(shape, kElement);
  const BlockPlan plan = plan_blocks(shape, kElement);
  std::memset(packed, 0, packed_bytes<kElement>(problem));
  std::int64_t* const offsets = reinterpret_cast<std::int64_t*>(packed);
  for (std::int64_t s = 0; s < layout.segments; ++s) {
    const std::int64_t kh = layout.whole_rows ? s : s / shape.kernel_w;
    const std::int64_t kw = layout.whole_rows ? 0 : s % shape.kernel_w;
    offsets[s] = kh * shape.dilation_h * plan.line_bytes + kw * shape.dilation_w * plan.pixel_bytes;
  }
  std::byte* const panels = packed + layout.offsets_bytes;
  for (int c = 0; c < shape.out_c; ++c) {
    const int in_group = c % layout.group_out;
    const int lane = place_in_panel(in_group % kPanelChannels);
    std::byte* const panel =
        panels + (c / layout.group_out * layout.panels + in_group / kPanelChannels) * layout.panel_bytes;
    std::int64_t bias = problem.bias[c];
    if (kElement == BlockElement::kU8) bias -= problem.input_zero_point * weight_sum(problem, layout, c);
    reinterpret_cast<std::int32_t*>(panel)[lane] = static_cast<std::int32_t>(bias);
    reinterpret_cast<float*>(panel + 64)[lane] = problem.multiplier[c];
    pack_channel<kElement>(layout, problem.weights + c * layout.segments * layout.segment_elems, lane,
                           panel + kPanelHeadBytes);
  }
}

template <BlockElement kElement>
std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return static_cast<std::size_t>(plan_blocks(problem.shape, kElement).workspace_bytes);
}

// 16 channels of a block's pixels; `index` is that of the first output.
template <BlockElement kElement>
void run_panel(const ConvolutionProblem& problem, const OutputStage& stage, const TileDepth& depth,
               const std::uint8_t* const* windows, std::int64_t pixels, const std::byte* panel, int channels,
               void* output, std::int64_t index) {
  const bool whole = channels == kPanelChannels && problem.output_type == OutputType::kUint8;
  Acc acc[kTilePixels];
  while (pixels > 0) {
    // 7..11 pixels are two tiles of about one size rather than a full and a tiny one.
    const std::int64_t half = (pixels + 1) / 2;
    const int now = static_cast<int>(pixels <= kTilePixels ? pixels : (half < kTilePixels ? half : kTilePixels));
    const TileFunction tile = kElement == BlockElement::kU8 ? tile_u8(now) : tile_s16(now);
    tile(windows, depth, panel, stage, whole ? static_cast<std::uint8_t*>(output) + index : nullptr, acc);
    if (!whole) {
      store_panel(problem, stage, acc, now, reinterpret_cast<const float*>(panel + 64), channels, output, index);
    }
    windows += now;
    pixels -= now;
    index += now * stage.out_c;
  }
}

template <BlockElement kElement>
void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         std::int64_t row_begin, std::int64_t row_end, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout = layout_of(shape, kElement);
  const BlockPlan plan = plan_blocks(shape, kElement);
  const OutputStage stage = output_stage(problem);
  TileDepth depth{reinterpret_cast<const std::int64_t*>(packed), layout.segments, layout.segment_steps * kStepBytes, 0};
  for (std::int64_t row = row_begin; row < row_end; row += plan.block_rows) {
    const std::int64_t rows = row_end - row < plan.block_rows ? row_end - row : plan.block_rows;
    const std::uint8_t* const* windows = load_block(problem, plan, input, row, rows, workspace);
    const std::byte* panel = packed + layout.offsets_bytes;
    for (int group = 0; group < shape.groups; ++group) {
      depth.shift = group * (plan.pixel_bytes / shape.groups);
      for (int c = 0; c < layout.group_out; c += kPanelChannels, panel += layout.panel_bytes) {
        const int channels = layout.group_out - c < kPanelChannels ? layout.group_out - c : kPanelChannels;
        const std::int64_t index = row * shape.out_w * shape.out_c + std::int64_t{group} * layout.group_out + c;
        run_panel<kElement>(problem, stage, depth, windows, rows * shape.out_w, panel, channels, output, index);
      }
    }
  }
}

}  // namespace

const ConvolutionKernel kConvolutionS16{"convolution_s16_6x16_avx2",
                                        Isa::kAvx2,
                                        accepts_s16,
                                        packed_bytes<BlockElement::kS16>,
                                        pack<BlockElement::kS16>,
                                        workspace_bytes<BlockElement::kS16>,
                                        run<BlockElement::kS16>};

const ConvolutionKernel kConvolutionU8{"convolution_u8_6x16_avx2",
                                       Isa::kAvx2,
                                       accepts_u8,
                                       packed_bytes<BlockElement::kU8>,
                                       pack<BlockElement::kU8>,
                                       workspace_bytes<BlockElement::kU8>,
                                       run<BlockElement::kU8>};

}  // namespace narrow::kernels::avx2
