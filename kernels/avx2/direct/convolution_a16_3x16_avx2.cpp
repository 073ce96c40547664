// convolution_a16_3x16_avx2: direct convolution with any groups, strides, dilation and padding. It adds the results of
// vpmaddubsw in 16-bit lanes before it widens them to int32. The weights prove how long such an accumulation run may
// be: fewer bits make longer runs (convolution_runs_avx2.h). A depth step takes two instructions for 32 products
// instead of three. The bias includes -zero_point * sum(w). Tiles are 3 pixels x 16 channels; outputs are stored for
// six pixels at a time. A panel without an exact run uses the tiles of convolution_u8_6x16_avx2 with the same packed
// weights.
// Packed: int64 run length of each panel, rounded up to 64 bytes; then see convolution_panels_avx2.h.
#include <cstring>

#include "kernels/avx2/families_avx2.h"
#include "kernels/avx2/shared/convolution_block_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/convolution_runs_avx2.h"
#include "kernels/avx2/shared/convolution_tile_avx2.h"
#include "kernels/shared/folded_bias.h"

namespace narrow::kernels::avx2 {
namespace {

std::int64_t table_bytes(const ConvolutionProblem& problem, const PanelLayout& layout) {
  return (problem.shape.groups * layout.panels * std::int64_t{sizeof(std::int64_t)} + 63) / 64 * 64;
}

// Calls visit(index of the panel, its accumulation run) for each panel until visit returns false. Returns whether visit
// returned true every time.
template <typename Visit>
bool for_each_panel(const ConvolutionProblem& problem, const PanelLayout& layout, const Visit& visit) {
  const std::int32_t largest = largest_byte(problem);
  const std::int8_t* weights = problem.weights;
  std::int64_t index = 0;
  for (int group = 0; group < problem.shape.groups; ++group) {
    for (int c = 0; c < layout.group_out; c += kPanelChannels, ++index) {
      const int channels = layout.group_out - c < kPanelChannels ? layout.group_out - c : kPanelChannels;
      const PanelWeights panel{weights, channels, layout.segments, layout.segment_elems};
      if (!visit(index, choose_run(panel, largest, problem.costs->accumulation_runs))) return false;
      weights += channels * layout.depth();
    }
  }
  return true;
}

// The estimate assumes that nothing is widened.
double estimate(const ConvolutionProblem& problem) {
  return panel_cost(problem, BlockElement::kU8, problem.costs->convolution_a16_3x16_avx2);
}

// The proof holds the run length of each panel.
Offer offer(const ConvolutionProblem& problem, std::int64_t* proof) {
  if (const Refusal refusal = refuse_wide_bias(problem); refusal.why != nullptr) return {0, refusal};
  const PanelLayout layout = panel_layout(problem, BlockElement::kU8);
  std::int64_t half_steps = 0;
  const bool exact = for_each_panel(problem, layout, [&](std::int64_t index, const AccumulationRun& run) {
    const bool whole = layout.segments == 1 && run.steps == layout.segment_steps && run.steps > 1;
    half_steps += layout.segments * run.cost +
                  (whole ? problem.costs->accumulation_runs.widen : problem.costs->accumulation_runs.tile);
    proof[index] = run.steps;
    return run.steps > 0;
  });
  if (!exact) return {0, {.why = "two products of neighbouring weights may exceed int16"}};
  const std::int64_t steps = problem.shape.groups * layout.panels * layout.segments * layout.segment_steps;
  costs::Panel costs = problem.costs->convolution_a16_3x16_avx2;
  costs.step = costs.step / 2 * static_cast<double>(half_steps) / static_cast<double>(steps);
  return {.cycles = panel_cost(problem, BlockElement::kU8, costs), .refusal = {}};
}

std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const PanelLayout layout = panel_layout(problem, BlockElement::kU8);
  return static_cast<std::size_t>(table_bytes(problem, layout) + layout.offsets_bytes +
                                  problem.shape.groups * layout.panels * layout.panel_bytes);
}

void pack(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed) {
  const PanelLayout layout = panel_layout(problem, BlockElement::kU8);
  const std::int64_t panels = problem.shape.groups * layout.panels;
  std::memcpy(packed, proof, static_cast<std::size_t>(panels) * sizeof(std::int64_t));
  std::byte* const offsets = packed + table_bytes(problem, layout);
  pack_offsets(problem, layout, plan_blocks(problem.shape, BlockElement::kU8),
               reinterpret_cast<std::int64_t*>(offsets));
  pack_panels(problem, layout, BlockElement::kU8, offsets + layout.offsets_bytes);
}

std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return panel_workspace_bytes(problem, BlockElement::kU8);
}

// Computes the accumulators of 1 to kTilePixels pixels.
void accumulate(const std::uint8_t* const* pixels, int count, const TileDepth& depth, std::int64_t run_steps,
                const std::byte* panel, const OutputStage& stage, Acc* acc) {
  if (run_steps == 1) return tiles_u8()[count - 1](pixels, depth, panel, stage, nullptr, acc);
  const int first = count <= kA16TilePixels ? count : (count + 1) / 2;
  tile_a16(first, run_steps)(pixels, depth, run_steps, panel, acc);
  if (first == count) return;
  tile_a16(count - first, run_steps)(pixels + first, depth, run_steps, panel, acc + first);
}

// 16 channels of a block's pixels. `index` is that of the first output. narrow: how weights are stored, unless they
// were widened.
void run_panel(const ConvolutionProblem& problem, const OutputStage& stage, const TileDepth& depth,
               const std::uint8_t* const* pixels, std::int64_t count, std::int64_t run_steps, const std::byte* panel,
               const WeightStorage* narrow, int channels, void* output, std::int64_t index) {
  const bool whole = channels == kPanelChannels && problem.output_type == OutputType::kUint8;
  const bool one_run = narrow == nullptr && is_whole(depth, run_steps);
  const float* const multiplier = reinterpret_cast<const float*>(panel + 64);
  Acc acc[kTilePixels];
  while (count > 0) {
    // 7 to 11 pixels are two parts of nearly equal size, because a full and a tiny one would take longer.
    const std::int64_t half = (count + 1) / 2;
    const int now = static_cast<int>(count <= kTilePixels ? count : (half < kTilePixels ? half : kTilePixels));
    std::uint8_t* const out = whole ? static_cast<std::uint8_t*>(output) + index : nullptr;
    if (one_run) {
      tiles_a16_whole()[now - 1](pixels, depth, panel, stage, out, acc);
    } else if (narrow != nullptr) {
      for (int i = 0; i < now; ++i) acc[i] = narrow_tile_a16(pixels[i], depth, run_steps, panel, *narrow);
    } else {
      accumulate(pixels, now, depth, run_steps, panel, stage, acc);
    }
    if (one_run && whole) {
      // The tile has stored its outputs.
    } else if (whole && now == kTilePixels) {
      store_pixels(stage, acc[0], acc[1], multiplier, out);
      store_pixels(stage, acc[2], acc[3], multiplier, out + 2 * stage.out_c);
      store_pixels(stage, acc[4], acc[5], multiplier, out + 4 * stage.out_c);
    } else {
      store_panel(problem, stage, acc, now, multiplier, channels, output, index);
    }
    pixels += now;
    count -= now;
    index += now * stage.out_c;
  }
}

void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
         const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const PanelLayout layout = panel_layout(problem, BlockElement::kU8);
  const BlockPlan plan = plan_blocks(shape, BlockElement::kU8);
  const OutputStage stage = output_stage(problem, part);
  const std::byte* const offsets = packed + table_bytes(problem, layout);
  TileDepth depth{reinterpret_cast<const std::int64_t*>(offsets), layout.segments, layout.segment_steps * kStepBytes,
                  0};
  for (std::int64_t row = part.row_begin; row < part.row_end; row += plan.block_rows) {
    const std::int64_t rows = part.row_end - row < plan.block_rows ? part.row_end - row : plan.block_rows;
    const std::uint8_t* const* pixels = load_block(problem, plan, input, row, rows, workspace);
    const std::int64_t* runs = reinterpret_cast<const std::int64_t*>(packed);
    const std::byte* panel = offsets + layout.offsets_bytes;
    for (int group = 0; group < shape.groups; ++group) {
      depth.shift = group * (plan.pixel_bytes / shape.groups);
      for (int c = 0; c < layout.group_out; c += kPanelChannels, panel += layout.panel_bytes, ++runs) {
        const int channel = group * layout.group_out + c;
        if (channel < part.channel_begin || channel >= part.channel_end) continue;
        const int channels = layout.group_out - c < kPanelChannels ? layout.group_out - c : kPanelChannels;
        const std::int64_t index = row * shape.out_w * shape.out_c + channel;
        const std::int64_t count = rows * shape.out_w;
        const bool narrow = layout.storage.bits < 8 && count <= kPixelsForNarrowTiles;
        const std::byte* const open =
            narrow ? panel : open_panel(layout, panel, count, workspace + plan.workspace_bytes).panel;
        run_panel(problem, stage, depth, pixels, count, *runs, open, narrow ? &layout.storage : nullptr, channels,
                  output, index);
      }
    }
  }
}

}  // namespace

const ConvolutionKernel kConvolutionA16{
    .name = "convolution_a16_3x16_avx2",
    .isa = Isa::kAvx2,
    .mix = InstructionMix::kSums16,
    .estimate = estimate,
    .offer = offer,
    .channel_step = panel_channel_step,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .workspace_bytes = workspace_bytes,
    .run = run,
};

}  // namespace narrow::kernels::avx2
