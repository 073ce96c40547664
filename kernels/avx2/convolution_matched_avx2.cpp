// convolution_matched_16x4_avx2: direct convolution without groups, any strides, dilation and padding, exact for any
// 8 x 8 bits in vpmaddubsw: 3 instructions, or half of 5, for 32 products, where vpmaddwd takes 4.
// Vectors hold 8 pixels, a weight is broadcast: so the order of a channel's products is free, and what saturates in one
// channel costs nothing in others. See matched_panel_avx2.h. -zero_point * sum(w) is in the bias.
// Packed: int64 offsets of the panels and of the window's segments, rounded up to 64 bytes; the panels.
#include <cstring>

#include "kernels/avx2/convolution_avx2_kernels.h"
#include "kernels/avx2/convolution_block_avx2.h"
#include "kernels/avx2/convolution_output_avx2.h"
#include "kernels/avx2/convolution_panels_avx2.h"
#include "kernels/avx2/matched_columns_avx2.h"
#include "kernels/avx2/matched_panel_avx2.h"
#include "kernels/avx2/matched_tile_avx2.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kTile = 2 * kColumnPixels;
constexpr int kStoreChannels = 4 * kMatchedChannels;
// Columns of a block and weights of a group stay in L2.
constexpr std::int64_t kColumnsBytes = 128 * 1024;
constexpr std::int64_t kWeightsBytes = 384 * 1024;

std::int64_t ceil_div(std::int64_t value, std::int64_t by) { return (value + by - 1) / by; }
std::int64_t round_up(std::int64_t value, std::int64_t to) { return ceil_div(value, to) * to; }

struct Layout {
  explicit Layout(const ConvolutionProblem& problem)
      : window(panel_layout(problem, BlockElement::kU8)),
        steps(window.segments * window.segment_steps),
        panels(ceil_div(problem.shape.out_c, kMatchedChannels)),
        offsets_at(panels * std::int64_t{sizeof(std::int64_t)}),
        panels_at(round_up(offsets_at + window.segments * std::int64_t{sizeof(std::int64_t)}, 64)),
        tile_bytes(steps * 2 * kColumnBytes),
        block_tiles(kColumnsBytes > tile_bytes ? kColumnsBytes / tile_bytes : 1),
        group_channels(static_cast<int>(kWeightsBytes > 4 * kStoreChannels * steps
                                            ? kWeightsBytes / (4 * kStoreChannels * steps) * kStoreChannels
                                            : kStoreChannels)) {}

  PanelLayout window;
  std::int64_t steps;
  std::int64_t panels;
  std::int64_t offsets_at;  // of segments
  std::int64_t panels_at;
  std::int64_t tile_bytes;  // of the columns of 16 pixels
  std::int64_t block_tiles;
  int group_channels;  // whose weights are used for all of a block before the next ones are
};

MatchedWeights weights_of(const ConvolutionProblem& problem, const Layout& layout, std::int64_t panel) {
  const std::int64_t first = panel * kMatchedChannels;
  const std::int64_t left = problem.shape.out_c - first;
  const int channels = left < kMatchedChannels ? static_cast<int>(left) : kMatchedChannels;
  return {problem.weights + first * layout.window.depth(), channels, layout.window.segments,
          layout.window.segment_elems};
}

int limit_of(const ConvolutionProblem& problem) { return matched_limit(largest_byte(problem)); }

bool accepts(const ConvolutionProblem& problem) {
  return problem.shape.groups == 1 && problem.output_type == OutputType::kUint8 && fits_bytes(problem) &&
         folded_bias_fits(problem) && Layout(problem).steps <= kMatchedMaxSteps;
}

// In cycles. A step: 8 pixels, 4 channels, 4 elements.
double cost_with(const ConvolutionProblem& problem, double tails_per_step) {
  constexpr double kMatchedStep = 4 * 0.86;
  constexpr double kSingleStep = 4 * 1.03;
  constexpr double kTail = 4 * 1.2;
  constexpr double kOutput = 18;
  constexpr double kColumnStep = 1.6;
  const Layout layout(problem);
  // Steps near the limit find no partner.
  const double singles = tails_per_step < 0.38 ? tails_per_step * 2.6 : 1;
  const double step = kMatchedStep + singles * (kSingleStep - kMatchedStep) + tails_per_step * kTail;
  const auto steps = static_cast<double>(layout.steps);
  const double vectors =
      static_cast<double>(ceil_div(std::int64_t{problem.shape.out_h} * problem.shape.out_w, kColumnPixels));
  return vectors * (static_cast<double>(layout.panels) * (steps * step + kOutput) + steps * kColumnStep);
}

// Tails are counted in some of the panels: the others of a layer have about as many.
double cost(const ConvolutionProblem& problem) {
  constexpr std::int64_t kSample = 8;
  const Layout layout(problem);
  const std::int64_t stride = ceil_div(layout.panels, kSample);
  std::int64_t pairs = 0, counted = 0;
  for (std::int64_t panel = 0; panel < layout.panels; panel += stride, ++counted) {
    pairs += count_tail_pairs(weights_of(problem, layout, panel), limit_of(problem));
  }
  return cost_with(problem, 2.0 * static_cast<double>(pairs) / static_cast<double>(counted * layout.steps));
}

double least_cost(const ConvolutionProblem& problem) { return cost_with(problem, 0); }

int channel_step(const ConvolutionProblem& /*problem*/) { return kStoreChannels; }

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const Layout layout(problem);
  std::int64_t bytes = layout.panels_at;
  for (std::int64_t panel = 0; panel < layout.panels; ++panel) {
    const std::int64_t pairs = count_tail_pairs(weights_of(problem, layout, panel), limit_of(problem));
    bytes += PanelParts(layout.steps, pairs).bytes;
  }
  return static_cast<std::size_t>(bytes);
}

void pack(const ConvolutionProblem& problem, std::byte* packed) {
  const Layout layout(problem);
  std::int64_t* const offsets = reinterpret_cast<std::int64_t*>(packed);
  pack_offsets(problem, layout.window, plan_blocks(problem.shape, BlockElement::kU8), offsets + layout.panels);
  std::int64_t at = layout.panels_at;
  for (std::int64_t panel = 0; panel < layout.panels; ++panel) {
    offsets[panel] = at;
    PanelHead& head = *reinterpret_cast<PanelHead*>(packed + at);
    head = {};
    const MatchedWeights weights = weights_of(problem, layout, panel);
    for (int i = 0; i < weights.channels; ++i) {
      const std::int64_t channel = panel * kMatchedChannels + i;
      head.bias[i] =
          static_cast<std::int32_t>(problem.bias[channel] - problem.input_zero_point * problem.sums[channel].total());
      head.multiplier[i] = problem.multiplier[channel];
    }
    pack_matched(weights, limit_of(problem), packed + at);
    at += PanelParts(layout.steps, head.tail_pairs).bytes;
  }
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  const Layout layout(problem);
  return static_cast<std::size_t>(plan_blocks(problem.shape, BlockElement::kU8).workspace_bytes +
                                  layout.block_tiles * layout.tile_bytes + kColumnSlackBytes);
}

// How 1 to 16 pixels are computed: vectors of 8, then pixels of their own where a vector would hold few.
struct TileParts {
  int vectors;
  int singles;

  explicit TileParts(int pixels) : vectors(pixels / kColumnPixels), singles(pixels % kColumnPixels) {
    constexpr int kMostSingles = 3;
    if (singles <= kMostSingles) return;
    ++vectors;
    singles = 0;
  }
};

void load_tile(const std::uint8_t* const* windows, int pixels, const ColumnDepth& depth, std::uint8_t* columns) {
  const TileParts parts(pixels);
  const std::int64_t window_bytes = depth.steps() * 4;
  if (parts.vectors > 0) load_columns(windows, pixels - parts.singles, depth, parts.vectors, columns);
  std::uint8_t* to = columns + parts.vectors * kColumnPixels * window_bytes;
  for (int i = pixels - parts.singles; i < pixels; ++i, to += window_bytes) load_window(windows[i], depth, to);
}

// Channels [begin, end) of up to 16 pixels, whose columns stay in L1 while panels stream past them.
void run_tile(const Layout& layout, const std::byte* packed, const OutputStage& stage, const std::uint8_t* columns,
              int pixels, int begin, int end, std::uint8_t* out) {
  const TileParts tile(pixels);
  const std::int64_t* const offsets = reinterpret_cast<const std::int64_t*>(packed);
  const int first_single = tile.vectors * kColumnPixels;
  alignas(32) std::uint8_t parts[4 * kTile * kMatchedChannels];
  for (int channel = begin; channel < end; channel += kStoreChannels) {
    const int channels = end - channel < kStoreChannels ? end - channel : kStoreChannels;
    for (int c = 0; c < channels; c += kMatchedChannels) {
      const std::byte* const panel = packed + offsets[(channel + c) / kMatchedChannels];
      std::uint8_t* const to = parts + c * kTile;
      if (tile.vectors > 0) run_matched_tile(columns, tile.vectors, layout.steps, panel, stage, to);
      for (int i = first_single; i < first_single + tile.singles; ++i) {
        run_matched_pixel(columns + i * layout.steps * 4, layout.steps, panel, stage, to + i * kMatchedChannels);
      }
    }
    store_matched(parts, pixels, channels, stage.out_c, out + channel);
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const Layout layout(problem);
  const BlockPlan plan = plan_blocks(shape, BlockElement::kU8);
  const OutputStage stage = output_stage(problem);
  const ColumnDepth depth{reinterpret_cast<const std::int64_t*>(packed + layout.offsets_at), layout.window.segments,
                          layout.window.segment_elems};
  std::uint8_t* const columns = reinterpret_cast<std::uint8_t*>(workspace) + plan.workspace_bytes;
  for (std::int64_t row = part.row_begin; row < part.row_end; row += plan.block_rows) {
    const std::int64_t rows = part.row_end - row < plan.block_rows ? part.row_end - row : plan.block_rows;
    const std::uint8_t* const* const windows = load_block(problem, plan, input, row, rows, workspace);
    const std::int64_t count = rows * shape.out_w;
    std::uint8_t* const out = static_cast<std::uint8_t*>(output) + row * shape.out_w * shape.out_c;
    for (std::int64_t first = 0; first < count; first += layout.block_tiles * kTile) {
      const std::int64_t left = count - first;
      const std::int64_t now = left < layout.block_tiles * kTile ? left : layout.block_tiles * kTile;
      for (std::int64_t i = 0; i < now; i += kTile) {
        const int pixels = now - i < kTile ? static_cast<int>(now - i) : kTile;
        load_tile(windows + first + i, pixels, depth, columns + i / kTile * layout.tile_bytes);
      }
      for (int begin = part.channel_begin; begin < part.channel_end; begin += layout.group_channels) {
        const int end =
            part.channel_end - begin < layout.group_channels ? part.channel_end : begin + layout.group_channels;
        for (std::int64_t i = 0; i < now; i += kTile) {
          const int pixels = now - i < kTile ? static_cast<int>(now - i) : kTile;
          run_tile(layout, packed, stage, columns + i / kTile * layout.tile_bytes, pixels, begin, end,
                   out + (first + i) * shape.out_c);
        }
      }
    }
  }
}

}  // namespace

const ConvolutionKernel kConvolutionMatched{"convolution_matched_16x4_avx2",
                                            Isa::kAvx2,
                                            accepts,
                                            cost,
                                            channel_step,
                                            packed_bytes,
                                            pack,
                                            workspace_bytes,
                                            run,
                                            1,
                                            least_cost};

}  // namespace narrow::kernels::avx2
