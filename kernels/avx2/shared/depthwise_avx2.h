// What depthwise kernels share, of AVX2 and of wider ISAs: everything but filling lines and multiplying them.
// Channels come in panels of 16, and panels in blocks of a few, whose results are packed to neighbouring bytes: within
// a block, every 128-bit lane has neighbours, of which the first panel has the first. The last blocks may have fewer
// panels, and the last panel fewer channels.
// Packed: for each panel bias[16], float multiplier[16], then the weights that meet a pixel of a line, for each group
// of
//   taps, column of the window and output row that is computed together with others; all aligned to a vector.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/depthwise_lines_avx2.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kDepthwiseHeadBytes = 128;
inline constexpr std::int64_t kDepthwiseMultiplier = 64;  // where multipliers are in the head

// What tiles multiply: for each group of taps a line.
struct TileLines {
  const std::uint8_t* const* lines;
  std::int64_t groups;       // at least 1
  std::int64_t columns;      // of the window
  std::int64_t column_step;  // bytes
  std::int64_t pixel_step;   // bytes between the windows of neighbouring outputs
  std::int64_t panel_step;   // bytes between a block's panels in a line
  std::int64_t weight_step;  // bytes between the weights of neighbouring columns
};

// Outputs of one or two rows that are computed from the same lines.
struct DepthwiseBlock {
  const std::byte* packed;   // of its first panel
  std::int64_t packed_step;  // bytes between panels
  int channels;              // 16 times 1, 2 or 4, or 1..15
  int rows, columns;
  void* output;        // of the layer, in its type
  std::int64_t index;  // of the first output
};

// What is multiplied without lines, of windows of up to three rows. A block of fewer panels than the form asks for is
// repeated until it has as many, and each repetition computes an output row of its own.
inline constexpr int kMostWindowRows = 3;
struct DepthwiseRows {
  // Of each output row and row of its window: the picture's first column, or a row of padding.
  const std::uint8_t* rows[kMostPanels][kMostWindowRows];
  const std::uint8_t* padding;        // a pixel of it
  std::uint8_t* output[kMostPanels];  // rows; some may be the same
  std::int64_t weight_step;           // as in TileLines
};

struct DepthwiseForm {
  LineForm line;
  int panels;         // of a block, at most, of whole tiles of uint8 outputs; others have blocks of one
  int lane_channels;  // of a panel in a 128-bit lane
  int tile_pixels;
  int bias_bytes;                    // 4, or 2 with multipliers of 2^16 times the sum
  int (*place)(int channel);         // where a panel has bias and multiplier of its channel
  int (*weight_place)(int channel);  // and its weights
  costs::Depthwise cost;
  // One of them is nullptr. run_rows interleaves rows itself; of `block` packed, packed_step and channels are set, and
  // outputs are uint8.
  void (*run)(const ConvolutionProblem& problem, const TileLines& in, const DepthwiseBlock& block);
  void (*run_rows)(const ConvolutionProblem& problem, const DepthwiseRows& in, const DepthwiseBlock& block);
};

// Refuses all but one filter per channel, bytes, and a bias that is an int32 with -zero_point * sum(w) in it.
[[nodiscard]] Refusal refuse_depthwise(const ConvolutionProblem& problem);

// Whether all sums that channel c can have, with its bias, are in [lo, hi].
[[nodiscard]] bool depthwise_sums_within(const ConvolutionProblem& problem, int c, std::int64_t lo, std::int64_t hi);

// The functions of a ConvolutionKernel.
[[nodiscard]] double depthwise_estimate(const DepthwiseForm& form, const ConvolutionProblem& problem);
[[nodiscard]] std::size_t depthwise_packed_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem);
void pack_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, std::byte* packed);
[[nodiscard]] std::size_t depthwise_workspace_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem);
void run_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, const std::byte* packed,
                   const std::uint8_t* input, void* output, const ConvolutionPart& part, std::byte* workspace);

// A kernel of a form that has static storage duration, which refuses what kRefusal refuses.
template <const DepthwiseForm& kForm, Refusal (*kRefusal)(const ConvolutionProblem&)>
constexpr ConvolutionKernel depthwise_kernel(const char* name, Isa isa, InstructionMix mix) {
  return {
      .name = name,
      .isa = isa,
      .mix = mix,
      .estimate = [](const ConvolutionProblem& problem) { return depthwise_estimate(kForm, problem); },
      .offer = [](const ConvolutionProblem& problem, std::int64_t* /*proof*/) -> Offer {
        const Refusal refusal = kRefusal(problem);
        return {.cycles = refusal.why == nullptr ? depthwise_estimate(kForm, problem) : 0, .refusal = refusal};
      },
      .channel_step =
          [](const ConvolutionProblem& /*problem*/) { return kForm.panels * static_cast<int>(kDepthwiseChannels); },
      .packed_bytes = [](const ConvolutionProblem& problem) { return depthwise_packed_bytes(kForm, problem); },
      .pack = [](const ConvolutionProblem& problem, const std::int64_t* /*proof*/,
                 std::byte* packed) { pack_depthwise(kForm, problem, packed); },
      .workspace_bytes = [](const ConvolutionProblem& problem) { return depthwise_workspace_bytes(kForm, problem); },
      .run = [](const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                const ConvolutionPart& part,
                std::byte* workspace) { run_depthwise(kForm, problem, packed, input, output, part, workspace); },
      .row_step = 2,
  };
}

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
