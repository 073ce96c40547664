// convolution_matched_16x4_avx2: direct convolution without groups, with any strides, dilation and padding. It is exact
// for any 8 x 8 bits in vpmaddubsw. A depth step that is matched takes half of 5 instructions for 32 products, and a
// single one takes 3; vpmaddwd takes 4. Vectors hold 8 pixels, and a weight is broadcast. Therefore the order of the
// products of a channel is free, and a saturating pair of one channel does not slow other channels. See
// matched_panel_avx2.h. The bias includes -zero_point * sum(w).
// Packed: for each panel set of 16 channels, MatchedGroup; int64 offsets of the window's segments, rounded up to 64
// bytes; the panels of 4 channels each.
#include <cstddef>
#include <cstdint>

#include "base/arithmetic.h"
#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/matched/matched_panel_avx2.h"
#include "kernels/avx2/matched/matched_tile_avx2.h"
#include "kernels/avx2/shared/convolution_block_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

constexpr int kGroupPanels = 4;
constexpr int kGroupChannels = kGroupPanels * kMatchedChannels;

// A panel set: 16 channels that are stored together. A panel takes the number of tails of its first channel. Therefore
// the channels with the most tails share a panel.
struct MatchedGroup {
  std::int64_t panels[kGroupPanels];  // offsets
  std::uint8_t order[kGroupChannels];
};

struct MatchedLayout {
  explicit MatchedLayout(const ConvolutionProblem& problem);

  [[nodiscard]] MatchedWindow matched_window() const { return {window.segments, window.segment_elems}; }

  PanelLayout window;
  std::int64_t steps;
  std::int64_t groups;
  std::int64_t offsets_at;  // of segments
  std::int64_t panels_at;
};

// The single depth steps of a panel and its tails, as shares of its depth steps. They are counted in two panels,
// because the panels of a layer differ little.
struct MatchedShares {
  double singles;
  double tails;
};

int limit_of(const ConvolutionProblem& problem) { return matched_limit(largest_byte(problem)); }

// The channels of a panel set, those with the most tails first.
struct ChannelOrder {
  int count;
  int channels[kGroupChannels] = {};
  std::int64_t tails[kGroupChannels] = {};  // of channels[i]

  ChannelOrder(const ConvolutionProblem& problem, const MatchedLayout& layout, std::int64_t group) {
    const int first = static_cast<int>(group) * kGroupChannels;
    count = problem.shape.out_c - first < kGroupChannels ? problem.shape.out_c - first : kGroupChannels;
    for (int i = 0; i < count; ++i) {
      const std::int8_t* const weights = problem.weights + (first + i) * layout.window.depth();
      const std::int64_t now = count_tails(weights, layout.matched_window(), limit_of(problem));
      int at = i;
      for (; at > 0 && tails[at - 1] < now; --at) {
        tails[at] = tails[at - 1];
        channels[at] = channels[at - 1];
      }
      tails[at] = now;
      channels[at] = first + i;
    }
  }
  [[nodiscard]] int panels() const { return static_cast<int>(base::ceil_div(count, kMatchedChannels)); }
  [[nodiscard]] std::int64_t tail_pairs(int panel) const { return base::ceil_div(tails[panel * kMatchedChannels], 2); }
};

MatchedWeights weights_of(const ConvolutionProblem& problem, const MatchedLayout& layout, const ChannelOrder& order,
                          int panel) {
  MatchedWeights weights{};
  const int first = panel * kMatchedChannels;
  for (int i = first; i < first + kMatchedChannels && i < order.count; ++i) {
    weights.channels[i - first] = problem.weights + order.channels[i] * layout.window.depth();
  }
  return weights;
}

void pack_head(const ConvolutionProblem& problem, const ChannelOrder& order, int panel, PanelHead& head) {
  head = {};
  const int first = panel * kMatchedChannels;
  for (int i = first; i < first + kMatchedChannels && i < order.count; ++i) {
    const int channel = order.channels[i];
    head.bias[i - first] = static_cast<std::int32_t>(folded_bias(problem, channel));
    head.multiplier[i - first] = problem.multiplier[channel];
  }
}

MatchedLayout::MatchedLayout(const ConvolutionProblem& problem)
    : window(panel_layout(problem, BlockElement::kU8)),
      steps(window.segments * window.segment_steps),
      groups(base::ceil_div(problem.shape.out_c, kGroupChannels)),
      offsets_at(groups * std::int64_t{sizeof(MatchedGroup)}),
      panels_at(base::round_up(offsets_at + window.segments * std::int64_t{sizeof(std::int64_t)}, 64)) {}

MatchedShares matched_shares(const ConvolutionProblem& problem) {
  const MatchedLayout layout(problem);
  MatchedCounts sum{};
  // The second panel of a panel set is an average one.
  for (const std::int64_t group : {std::int64_t{0}, layout.groups / 2}) {
    const ChannelOrder order(problem, layout, group);
    const int panel = order.panels() > 1 ? 1 : 0;
    const MatchedCounts counts =
        count_matched(weights_of(problem, layout, order, panel), layout.matched_window(), limit_of(problem));
    sum.singles += counts.singles;
    sum.tail_pairs += counts.tail_pairs;
  }
  const auto steps = static_cast<double>(2 * layout.steps);
  return {static_cast<double>(sum.singles) / steps, 2 * static_cast<double>(sum.tail_pairs) / steps};
}

std::size_t matched_packed_bytes(const ConvolutionProblem& problem) {
  const MatchedLayout layout(problem);
  std::int64_t bytes = layout.panels_at;
  for (std::int64_t group = 0; group < layout.groups; ++group) {
    const ChannelOrder order(problem, layout, group);
    for (int p = 0; p < order.panels(); ++p) bytes += PanelParts(layout.steps, order.tail_pairs(p)).bytes;
  }
  return static_cast<std::size_t>(bytes);
}

void pack_matched_groups(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
  const MatchedLayout layout(problem);
  pack_offsets(problem, layout.window, plan_blocks(problem.shape, BlockElement::kU8),
               reinterpret_cast<std::int64_t*>(packed + layout.offsets_at));
  std::int64_t at = layout.panels_at;
  for (std::int64_t index = 0; index < layout.groups; ++index) {
    MatchedGroup& group = reinterpret_cast<MatchedGroup*>(packed)[index];
    group = {};
    const ChannelOrder order(problem, layout, index);
    for (int i = 0; i < order.count; ++i) {
      group.order[order.channels[i] % kGroupChannels] = static_cast<std::uint8_t>(i);
    }
    for (int p = 0; p < order.panels(); ++p) {
      group.panels[p] = at;
      pack_head(problem, order, p, *reinterpret_cast<PanelHead*>(packed + at));
      pack_matched(weights_of(problem, layout, order, p), layout.matched_window(), limit_of(problem), packed + at);
      at += PanelParts(layout.steps, order.tail_pairs(p)).bytes;
    }
  }
}

constexpr int kTile = 2 * kColumnPixels;
// The columns of a block and the weights of a pass stay in L2.
constexpr std::int64_t kColumnsBytes = 64 * 1024;
constexpr std::int64_t kFewestTiles = 4;
constexpr std::int64_t kWeightsBytes = 384 * 1024;

// The sizes of blocks and passes.
struct Blocks {
  explicit Blocks(const MatchedLayout& layout)
      : tile_bytes(layout.steps * 2 * kColumnBytes),
        tiles(kColumnsBytes > kFewestTiles * tile_bytes ? kColumnsBytes / tile_bytes : kFewestTiles) {
    const std::int64_t group_bytes = layout.steps * 4 * kGroupChannels;
    const std::int64_t groups = kWeightsBytes > group_bytes ? kWeightsBytes / group_bytes : 1;
    pass_channels = static_cast<int>(groups * kGroupChannels);
  }

  std::int64_t tile_bytes;  // of the columns of 16 pixels
  std::int64_t tiles;
  [[nodiscard]] std::int64_t pixels() const { return tiles * kTile; }
  int pass_channels;  // their weights are used for all of these tiles before the next ones are read
};

// How up to 16 pixels are computed: in vectors of 8, or one by one where a vector would hold few.
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

Refusal refusal_of(const ConvolutionProblem& problem) {
  if (problem.shape.groups != 1) return {.why = "it has groups"};
  if (problem.output_type == OutputType::kFloat32) return {.why = "its output is not uint8"};
  if (const Refusal wide = refuse_wide_bias(problem); wide.why != nullptr) return wide;
  if (MatchedLayout(problem).steps > kMatchedMaxSteps) return {.why = "its windows have more than 8191 depth steps"};
  return {};
}

double cost_with(const ConvolutionProblem& problem, const MatchedShares& shares) {
  const costs::Matched& costs = problem.costs->convolution_matched_16x4_avx2;
  const MatchedLayout layout(problem);
  const double step =
      costs.matched_step + shares.singles * (costs.single_step - costs.matched_step) + shares.tails * costs.tail;
  const auto steps = static_cast<double>(layout.steps);
  const std::int64_t pixels = std::int64_t{problem.shape.out_h} * problem.shape.out_w;
  const TileParts last(static_cast<int>(pixels % kTile));
  const std::int64_t whole = pixels / kTile * 2 + last.vectors;
  const double vectors = static_cast<double>(whole) + costs.pixel_vector * static_cast<double>(last.singles);
  return vectors *
         (static_cast<double>(base::ceil_div(problem.shape.out_c, kMatchedChannels)) * (steps * step + costs.output) +
          steps * costs.column_step);
}

double estimate(const ConvolutionProblem& problem) { return cost_with(problem, {0, 0}); }

Offer offer(const ConvolutionProblem& problem, std::int64_t* /*proof*/) {
  if (const Refusal refusal = refusal_of(problem); refusal.why != nullptr) return {0, refusal};
  return {.cycles = cost_with(problem, matched_shares(problem)), .refusal = {}};
}

int channel_step(const ConvolutionProblem& /*problem*/) { return kGroupChannels; }

// Whether windows are neighbouring pixels of the input and no byte after the last one is read.
bool is_direct(const ConvolutionShape& shape) {
  return shape.kernel_h == 1 && shape.kernel_w == 1 && shape.stride_h == 1 && shape.stride_w == 1 &&
         shape.in_h == shape.out_h && shape.in_w == shape.out_w && shape.in_c % 16 == 0;
}

// The bytes of the workspace before the columns: pointers to windows, and the windows themselves if they are not read
// from the input.
std::int64_t windows_bytes(const ConvolutionShape& shape, const BlockPlan& plan, const Blocks& blocks) {
  return is_direct(shape) ? blocks.pixels() * std::int64_t{sizeof(const std::uint8_t*)} : plan.workspace_bytes;
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  const Blocks blocks{MatchedLayout(problem)};
  const BlockPlan plan = plan_blocks(problem.shape, BlockElement::kU8);
  return static_cast<std::size_t>(windows_bytes(problem.shape, plan, blocks) + blocks.tiles * blocks.tile_bytes +
                                  kColumnSlackBytes);
}

void load_tile(const std::uint8_t* const* windows, int pixels, const ColumnDepth& depth, std::uint8_t* columns) {
  const TileParts parts(pixels);
  const std::int64_t window_bytes = depth.steps() * 4;
  if (parts.vectors > 0) load_columns(windows, pixels - parts.singles, depth, parts.vectors, columns);
  std::uint8_t* to = columns + parts.vectors * kColumnPixels * window_bytes;
  for (int i = pixels - parts.singles; i < pixels; ++i, to += window_bytes) load_window(windows[i], depth, to);
}

// Channels [begin, end) of up to 16 pixels. Their columns stay in L1 while the panels are read.
void run_tile(const MatchedLayout& layout, const std::byte* packed, const OutputStage& stage,
              const std::uint8_t* columns, int pixels, int begin, int end, const std::uint8_t* residual,
              std::uint8_t* out) {
  const TileParts tile(pixels);
  const int first_single = tile.vectors * kColumnPixels;
  const MatchedGroup* group = reinterpret_cast<const MatchedGroup*>(packed) + begin / kGroupChannels;
  alignas(32) std::uint8_t parts[kGroupPanels * kTile * kMatchedChannels];
  alignas(32) std::uint8_t others[kGroupPanels * kTile * kMatchedChannels] = {};
  for (int channel = begin; channel < end; channel += kGroupChannels, ++group) {
    const int channels = end - channel < kGroupChannels ? end - channel : kGroupChannels;
    if (residual != nullptr) {
      load_matched(residual + channel, pixels, channels, group->order, stage.out_c, others);
    }
    for (int p = 0; p * kMatchedChannels < channels; ++p) {
      const std::byte* const panel = packed + group->panels[p];
      std::uint8_t* const to = parts + p * kTile * kMatchedChannels;
      const std::uint8_t* const other = residual == nullptr ? nullptr : others + (to - parts);
      if (tile.vectors > 0) run_matched_tile(columns, tile.vectors, layout.steps, panel, stage, other, to);
      for (int i = first_single; i < first_single + tile.singles; ++i) {
        run_matched_pixel(columns + i * layout.steps * 4, layout.steps, panel, stage,
                          other == nullptr ? nullptr : other + i * kMatchedChannels, to + i * kMatchedChannels);
      }
    }
    store_matched(parts, pixels, channels, group->order, stage.out_c, out + channel);
  }
}

// What the calls of one part share.
struct Run {
  const MatchedLayout& layout;
  const Blocks& blocks;
  const ConvolutionPart& part;
  const std::byte* packed;
  OutputStage stage;
  ColumnDepth depth;
  std::uint8_t* columns;
  std::uint8_t* output;

  // Computes up to a block of pixels. `index` is that of the first output.
  void block(const std::uint8_t* const* windows, std::int64_t count, std::int64_t index) const {
    const auto pixels = [&](std::int64_t first) {
      return count - first < kTile ? static_cast<int>(count - first) : kTile;
    };
    const auto columns_of = [&](std::int64_t first) { return columns + first / kTile * blocks.tile_bytes; };
    for (std::int64_t i = 0; i < count; i += kTile) load_tile(windows + i, pixels(i), depth, columns_of(i));
    for (int begin = part.channel_begin; begin < part.channel_end; begin += blocks.pass_channels) {
      const int end = part.channel_end - begin < blocks.pass_channels ? part.channel_end : begin + blocks.pass_channels;
      for (std::int64_t i = 0; i < count; i += kTile) {
        const std::int64_t at = index + i * stage.out_c;
        const std::uint8_t* const residual = stage.residual == nullptr ? nullptr : stage.residual + at;
        run_tile(layout, packed, stage, columns_of(i), pixels(i), begin, end, residual, output + at);
      }
    }
  }
};

// Loads columns from the input itself.
void run_direct(const Run& run, const ConvolutionShape& shape, const std::uint8_t* input, std::byte* workspace) {
  const std::uint8_t** const windows = reinterpret_cast<const std::uint8_t**>(workspace);
  const std::int64_t end = run.part.row_end * shape.out_w;
  for (std::int64_t first = run.part.row_begin * shape.out_w; first < end; first += run.blocks.pixels()) {
    const std::int64_t count = end - first < run.blocks.pixels() ? end - first : run.blocks.pixels();
    for (std::int64_t i = 0; i < count; ++i) windows[i] = input + (first + i) * shape.in_c;
    run.block(windows, count, first * shape.out_c);
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const MatchedLayout layout(problem);
  const Blocks blocks(layout);
  const BlockPlan plan = plan_blocks(shape, BlockElement::kU8);
  const Run now{layout,
                blocks,
                part,
                packed,
                output_stage(problem, part),
                {reinterpret_cast<const std::int64_t*>(packed + layout.offsets_at), layout.window.segments,
                 layout.window.segment_elems},
                reinterpret_cast<std::uint8_t*>(workspace) + windows_bytes(shape, plan, blocks),
                static_cast<std::uint8_t*>(output)};
  if (is_direct(shape)) return run_direct(now, shape, input, workspace);
  for (std::int64_t row = part.row_begin; row < part.row_end; row += plan.block_rows) {
    const std::int64_t rows = part.row_end - row < plan.block_rows ? part.row_end - row : plan.block_rows;
    const std::uint8_t* const* const windows = load_block(problem, plan, input, row, rows, workspace);
    const std::int64_t pixels = rows * shape.out_w;
    for (std::int64_t first = 0; first < pixels; first += blocks.pixels()) {
      const std::int64_t count = pixels - first < blocks.pixels() ? pixels - first : blocks.pixels();
      now.block(windows + first, count, (row * shape.out_w + first) * shape.out_c);
    }
  }
}

}  // namespace

const ConvolutionKernel kConvolutionMatched{
    .name = "convolution_matched_16x4_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kPairs,
    .estimate = estimate,
    .offer = offer,
    .channel_step = channel_step,
    .packed_bytes = matched_packed_bytes,
    .pack = pack_matched_groups,
    .workspace_bytes = workspace_bytes,
    .run = run,
    .sized_by_weights = true,
};

}  // namespace narrow::kernels::avx2
