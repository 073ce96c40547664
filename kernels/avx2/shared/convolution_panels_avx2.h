// How the direct convolutions lay out their weights: windows as runs of elements, filters as panels of 16 channels.
// Packed: int64 offsets of the window's segments; then for each group, each panel of 16 channels:
//   int32 bias[16], float multiplier[16], weights, all 64-byte aligned.
// Weights are stored as bytes, narrow ones in a part of a byte (kernels/shared/narrow_weights.h). open_panel brings a
// panel's into the form that the tiles of convolution_tile_avx2.h read fastest, for all the pixels of a block.
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

inline constexpr std::int64_t kStepBytes = 4;  // of a pixel's window that one step of a tile consumes

// A window as contiguous runs of elements: whole rows of it, or, with groups or horizontal dilation, single pixels.
struct PanelLayout {
  int group_in, group_out;
  bool whole_rows;
  std::int64_t segments;
  std::int64_t segment_elems;
  std::int64_t segment_steps;
  std::int64_t step_elems;  // whose weights a panel holds as 16 * step_elems bytes
  std::int64_t panels;      // of a group
  WeightStorage storage;
  std::int64_t panel_bytes;  // as stored
  std::int64_t wide_bytes;   // at most, as tiles read it
  std::int64_t offsets_bytes;

  [[nodiscard]] std::int64_t depth() const { return segments * segment_elems; }
};

[[nodiscard]] PanelLayout panel_layout(const ConvolutionProblem& problem, BlockElement element);

// Refuses ranges that workspace elements and the output stage can't hold.
[[nodiscard]] Refusal refuse_wide_ranges(const ConvolutionProblem& problem);

// For kernels that multiply x itself, with -zero_point * sum(w) in the bias: refuses also where that bias is no int32.
[[nodiscard]] Refusal refuse_wide_bias(const ConvolutionProblem& problem);

// Parts of a layer begin and end with whole panels of whole groups.
[[nodiscard]] int panel_channel_step(const ConvolutionProblem& problem);

// The estimate of a direct kernel.
[[nodiscard]] double panel_cost(const ConvolutionProblem& problem, BlockElement element, const costs::Panel& costs);

// offsets: layout.segments of them; panels: shape.groups * layout.panels of them.
void pack_offsets(const ConvolutionProblem& problem, const PanelLayout& layout, const BlockPlan& plan,
                  std::int64_t* offsets);
void pack_panels(const ConvolutionProblem& problem, const PanelLayout& layout, BlockElement element, std::byte* panels);

// A panel for tiles to read: where it is stored, or in scratch behind that of plan_blocks.
struct OpenPanel {
  const std::byte* panel;
  const TileFunction* tiles;  // for 1, 2, ... pixels
};
[[nodiscard]] std::size_t panel_workspace_bytes(const ConvolutionProblem& problem, BlockElement element);
[[nodiscard]] OpenPanel open_panel(const PanelLayout& layout, const std::byte* panel, std::int64_t pixels,
                                   std::byte* wide);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
