// How the direct convolutions lay out their weights: windows as segments, filters as panels of 16 channels.
// Packed: int64 offsets of the window's segments; then for each group, each panel of 16 channels:
//   int32 bias[16], float multiplier[16], weights, all 64-byte aligned.
// Weights are stored as bytes; narrow weights take a part of a byte (kernels/shared/narrow_weights.h). open_panel
// unpacks a panel once for all the pixels of a block, to the layout that the tiles of convolution_tile_avx2.h read
// fastest.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_block_avx2.h"
#include "kernels/avx2/shared/convolution_tile_avx2.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"
#include "kernels/shared/folded_bias.h"
#include "kernels/shared/narrow_weights.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kStepBytes = 4;  // bytes of a pixel's window in one depth step

// The depth layout: a window as segments. A segment is a row of the window, or a single tap if the layer has groups or
// horizontal dilation.
struct PanelLayout {
  int group_in, group_out;
  bool whole_rows;
  std::int64_t segments;
  std::int64_t segment_elems;
  std::int64_t segment_steps;
  std::int64_t step_elems;  // of a depth step; a panel holds their weights as 16 * step_elems bytes
  std::int64_t panels;      // of a group
  WeightStorage storage;
  std::int64_t panel_bytes;  // as stored
  std::int64_t wide_bytes;   // at most, as tiles read it
  std::int64_t offsets_bytes;

  [[nodiscard]] std::int64_t depth() const { return segments * segment_elems; }
};

[[nodiscard]] PanelLayout panel_layout(const ConvolutionProblem& problem, BlockElement element);

// Refuses ranges that elements of the workspace or the output stage can't hold.
[[nodiscard]] Refusal refuse_wide_ranges(const ConvolutionProblem& problem);

// For kernels that multiply x itself and add -zero_point * sum(w) to the bias. Refuses also if that bias is no int32.
[[nodiscard]] Refusal refuse_wide_bias(const ConvolutionProblem& problem);

// Parts of a layer begin and end with whole panels of whole groups.
[[nodiscard]] int panel_channel_step(const ConvolutionProblem& problem);

// The estimate of a direct kernel.
[[nodiscard]] double panel_cost(const ConvolutionProblem& problem, BlockElement element, const costs::Panel& costs);

// offsets: layout.segments of them; panels: shape.groups * layout.panels of them.
void pack_offsets(const ConvolutionProblem& problem, const PanelLayout& layout, const BlockPlan& plan,
                  std::int64_t* offsets);
void pack_panels(const ConvolutionProblem& problem, const PanelLayout& layout, BlockElement element, std::byte* panels);

// A panel that tiles can read: where it is stored, or in the workspace after that of plan_blocks.
struct OpenPanel {
  const std::byte* panel;
  const TileFunction* tiles;  // for 1, 2, ... pixels
};
[[nodiscard]] std::size_t panel_workspace_bytes(const ConvolutionProblem& problem, BlockElement element);
[[nodiscard]] OpenPanel open_panel(const PanelLayout& layout, const std::byte* panel, std::int64_t pixels,
                                   std::byte* wide);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
