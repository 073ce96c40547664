// What depthwise kernels share, of AVX2 and of wider instruction sets: everything but interleaving rows and
// multiplying. Channels come in panels of 16, and panels in blocks of a few, whose results are packed to neighbouring
// bytes: within a block, every 128-bit lane has neighbours, of which the first panel has the first. The last blocks may
// have fewer panels, and the last panel fewer channels. Packed: for each panel bias[16], float multiplier[16], then the
// weights that meet a pixel of a line, for each tap group, column of the window and output row that is computed
// together with others; all aligned to a vector.
//
// What they multiply are lines: rows of the image, a few of them interleaved, for a block of channels, with the
// padding filled in. Line i interleaves input rows i, i + dilation, ...: a pixel is 16 channels of (first row, second
// row, ...), and the panels of a block, 16 channels each, follow each other. The taps of a window's column meet as many
// rows in one instruction, and every column of the window meets the same line at another place, so that interleaving
// once serves kernel_w multiplications, and those of two output rows where the window of the second has the same lines.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"
#include "kernels/costs.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kDepthwiseChannels = 16;
inline constexpr int kMostPanels = 4;    // of a block
inline constexpr int kMostLineRows = 4;  // that are interleaved

// Rows of the picture, or of padding, that become a line.
struct LineRows {
  const std::uint8_t* row[kMostLineRows];  // at the first pixel and channel
  std::int64_t step[kMostLineRows];        // bytes between pixels, 0: all are the same
};

// Writes `pixels` pixels of a block: of `channels` 16, 32 or 64 as many panels, `panel_step` bytes apart, or of a part
// of one panel, of which the other channels are of no interest. Reads `channels` bytes of a pixel and no more.
using Interleave = void (*)(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                            std::int64_t panel_step);

// How a kernel wants its lines.
struct LineForm {
  int rows;                  // that are interleaved
  std::int64_t pixel_bytes;  // of a panel
  Interleave interleave;
};

struct LinePlan {
  int output_rows;      // that are computed from the same lines: 1 or 2
  int output_columns;   // that are computed from the same lines, at most
  int column_parts;     // of an output row
  std::int64_t groups;  // of taps in a window's column: lines that an output row meets
  std::int64_t panel_bytes;
  std::int64_t line_bytes;
  // Line `index` starts with input row index * line_step - pad.top. Output row y meets for its group of taps t line
  // y * row_lines + t * group_lines.
  std::int64_t line_step;
  std::int64_t row_lines;
  std::int64_t group_lines;
  std::int64_t slots;  // lines between the first and the last of an output row
  std::int64_t workspace_bytes;
};

// panels: of a block, at most. tile_pixels: outputs of a tile; what a row's last tile reads beyond the pixels that
// windows touch is in the workspace too.
[[nodiscard]] LinePlan plan_lines(const ConvolutionShape& shape, const LineForm& form, int panels, int tile_pixels);

// Input pixels that the windows of neighbouring outputs touch.
[[nodiscard]] std::int64_t touched_pixels(const ConvolutionShape& shape, std::int64_t outputs);

// What lines are made of: a block's channels, of one picture.
struct LineSource {
  const std::uint8_t* picture;  // at the first of the channels
  std::int64_t end_row;         // of the picture: those behind are not to be read, and meet no weight
  int channels;
  int first_output, outputs;  // columns
};

// Lines, made when they are first asked for.
class DepthwiseLines {
 public:
  // workspace: plan.workspace_bytes.
  DepthwiseLines(const ConvolutionProblem& problem, const LineForm& form, const LinePlan& plan,
                 const LineSource& source, std::byte* workspace);

  // Its first panel, at the window of the first output. Valid until line index + slots is asked for.
  const std::uint8_t* line(std::int64_t index);

 private:
  void fill(std::int64_t first, std::uint8_t* to) const;

  const ConvolutionProblem& problem_;
  const LineForm& form_;
  const LinePlan& plan_;
  LineSource source_;
  std::int64_t* made_;  // for each slot, the index of the line that is in it
  std::uint8_t* padding_;
  std::uint8_t* lines_;
};

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
