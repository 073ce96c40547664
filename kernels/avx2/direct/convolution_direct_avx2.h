// What convolution_u8_6x16_avx2 and convolution_s16_6x16_avx2 share: direct convolution with any groups, strides,
// dilation and padding in tiles of 6 output pixels x 16 output channels. They differ in the instructions that multiply.
// Packed: see convolution_panels_avx2.h. Everything here is static: see kernels/CMakeLists.txt.
#pragma once

#include "kernels/avx2/shared/convolution_block_avx2.h"
#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/shared/convolution_panels_avx2.h"
#include "kernels/avx2/shared/convolution_tile_avx2.h"

namespace narrow::kernels::avx2 {

template <BlockElement kElement>
static double estimate(const ConvolutionProblem& problem) {
  return panel_cost(problem, kElement,
                    kElement == BlockElement::kU8 ? problem.costs->convolution_u8_6x16_avx2
                                                  : problem.costs->convolution_s16_6x16_avx2);
}

template <BlockElement kElement>
static std::size_t packed_bytes(const ConvolutionProblem& problem) {
  const PanelLayout layout = panel_layout(problem, kElement);
  return static_cast<std::size_t>(layout.offsets_bytes + problem.shape.groups * layout.panels * layout.panel_bytes);
}

template <BlockElement kElement>
static void pack(const ConvolutionProblem& problem, const std::int64_t* /*proof*/, std::byte* packed) {
  const PanelLayout layout = panel_layout(problem, kElement);
  pack_offsets(problem, layout, plan_blocks(problem.shape, kElement), reinterpret_cast<std::int64_t*>(packed));
  pack_panels(problem, layout, kElement, packed + layout.offsets_bytes);
}

template <BlockElement kElement>
static std::size_t workspace_bytes(const ConvolutionProblem& problem) {
  return panel_workspace_bytes(problem, kElement);
}

// 16 channels of a block's pixels. `index` is that of the first output.
static void run_panel(const ConvolutionProblem& problem, const OutputStage& stage, const TileDepth& depth,
                      const std::uint8_t* const* windows, std::int64_t pixels, const OpenPanel& open, int channels,
                      void* output, std::int64_t index) {
  const bool whole = channels == kPanelChannels && problem.output_type == OutputType::kUint8;
  Acc acc[kTilePixels];
  while (pixels > 0) {
    // 7 to 11 pixels are two tiles of nearly equal size, because a full and a tiny one would take longer.
    const std::int64_t half = (pixels + 1) / 2;
    const int now = static_cast<int>(pixels <= kTilePixels ? pixels : (half < kTilePixels ? half : kTilePixels));
    open.tiles[now - 1](windows, depth, open.panel, stage, whole ? static_cast<std::uint8_t*>(output) + index : nullptr,
                        acc);
    if (!whole) {
      store_panel(problem, stage, acc, now, reinterpret_cast<const float*>(open.panel + 64), channels, output, index);
    }
    windows += now;
    pixels -= now;
    index += now * stage.out_c;
  }
}

template <BlockElement kElement>
static void run(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                const ConvolutionPart& part, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const PanelLayout layout = panel_layout(problem, kElement);
  const BlockPlan plan = plan_blocks(shape, kElement);
  const OutputStage stage = output_stage(problem, part);
  TileDepth depth{reinterpret_cast<const std::int64_t*>(packed), layout.segments, layout.segment_steps * kStepBytes, 0};
  for (std::int64_t row = part.row_begin; row < part.row_end; row += plan.block_rows) {
    const std::int64_t rows = part.row_end - row < plan.block_rows ? part.row_end - row : plan.block_rows;
    const std::uint8_t* const* windows = load_block(problem, plan, input, row, rows, workspace);
    const std::byte* panel = packed + layout.offsets_bytes;
    for (int group = 0; group < shape.groups; ++group) {
      depth.shift = group * (plan.pixel_bytes / shape.groups);
      for (int c = 0; c < layout.group_out; c += kPanelChannels, panel += layout.panel_bytes) {
        const int channel = group * layout.group_out + c;
        if (channel < part.channel_begin || channel >= part.channel_end) continue;
        const int channels = layout.group_out - c < kPanelChannels ? layout.group_out - c : kPanelChannels;
        const std::int64_t index = row * shape.out_w * shape.out_c + channel;
        const std::int64_t pixels = rows * shape.out_w;
        const OpenPanel open = open_panel(layout, panel, pixels, workspace + plan.workspace_bytes);
        run_panel(problem, stage, depth, windows, pixels, open, channels, output, index);
      }
    }
  }
}

}  // namespace narrow::kernels::avx2
