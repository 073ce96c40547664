// How the direct convolutions lay out their weights: windows as runs of elements, filters as panels of 16 channels.
// Packed: int64 offsets of the window's segments; then for each group, each panel of 16 channels:
//   int32 bias[16], float multiplier[16], weights (see convolution_tile_avx2.h), all 64-byte aligned.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/convolution_block_avx2.h"
#include "kernels/avx2/convolution_tile_avx2.h"
#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kStepBytes = 4;  // of a pixel's window that one step of a tile consumes
inline constexpr std::int64_t kStepWeightBytes = 64;

// A window as contiguous runs of elements: whole rows of it, or, with groups or horizontal dilation, single pixels.
struct PanelLayout {
  int group_in, group_out;
  bool whole_rows;
  std::int64_t segments;
  std::int64_t segment_elems;
  std::int64_t segment_steps;
  std::int64_t step_elems;
  std::int64_t panels;  // of a group
  std::int64_t panel_bytes;
  std::int64_t offsets_bytes;

  [[nodiscard]] std::int64_t depth() const { return segments * segment_elems; }
};

[[nodiscard]] __attribute__((visibility("hidden"))) PanelLayout panel_layout(const ConvolutionShape& shape,
                                                                             BlockElement element);

// Ranges that workspace elements and the shared write-out can hold.
[[nodiscard]] __attribute__((visibility("hidden"))) bool fits_bytes(const ConvolutionProblem& problem);

// For kernels that multiply x itself, with -zero_point * sum(w) in the bias: whether that bias is an int32.
[[nodiscard]] __attribute__((visibility("hidden"))) bool folded_bias_fits(const ConvolutionProblem& problem);

// The largest byte that such a kernel can meet; the padding holds the zero point, which may lie outside the range.
[[nodiscard]] __attribute__((visibility("hidden"))) std::int32_t largest_byte(const ConvolutionProblem& problem);

// Parts of a layer begin and end with whole panels of whole groups.
[[nodiscard]] __attribute__((visibility("hidden"))) int panel_channel_step(const ConvolutionProblem& problem);

// ConvolutionKernel::cost of a kernel that needs `step_cycles` for a step of one pixel and one panel, on average.
[[nodiscard]] __attribute__((visibility("hidden"))) double panel_cost(const ConvolutionProblem& problem,
                                                                      BlockElement element, double step_cycles);

// offsets: layout.segments of them; panels: shape.groups * layout.panels of them, zeroed by the caller.
__attribute__((visibility("hidden"))) void pack_offsets(const ConvolutionProblem& problem, const PanelLayout& layout,
                                                        const BlockPlan& plan, std::int64_t* offsets);
__attribute__((visibility("hidden"))) void pack_panels(const ConvolutionProblem& problem, const PanelLayout& layout,
                                                       BlockElement element, std::byte* panels);

}  // namespace narrow::kernels::avx2
