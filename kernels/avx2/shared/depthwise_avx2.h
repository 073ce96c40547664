// What the depthwise kernels of AVX2 and of wider instruction sets share: everything except the interleaving of rows
// and the multiplication.
//
// Channels come in panels of 16 and panels in panel sets (`block` in names). The results of a panel set are packed to
// neighbouring bytes. Therefore every 128-bit lane holds neighbouring channels of the panel set, and the first panel
// has the first of them. The last panel sets may have fewer panels, and the last panel fewer channels.
// Packed: for each panel bias[16] (DepthwiseBias), float multiplier[16], then the weights of a line's pixel, for each
// tap group, column of the window and output row that is computed together with others. All are aligned to a vector.
//
// The kernels multiply lines. A line is a few rows of the image, interleaved, for the channels of a panel set, with the
// padding filled in. Line i interleaves input rows i, i + dilation, and so on. A pixel of a line is 16 channels of
// (first row, second row, ...), and the panels of 16 channels follow each other. One instruction multiplies a tap
// group, which has as many taps as a line has rows. Every column of the window reads the same line at another offset,
// so one interleaving serves kernel_w multiplications. It also serves two output rows if the window of the second reads
// the same lines.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"
#include "kernels/costs.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kDepthwiseChannels = 16;
inline constexpr int kMostPanels = 4;    // of a panel set
inline constexpr int kMostLineRows = 4;  // interleaved rows

// Rows of the image or of padding that become a line.
struct LineRows {
  const std::uint8_t* row[kMostLineRows];  // the first pixel and channel
  std::int64_t step[kMostLineRows];        // bytes between pixels, 0: all pixels are the same
};

// Writes `pixels` pixels of a panel set. With 16, 32 or 64 `channels` these are 1, 2 or 4 panels, `panel_step` bytes
// apart. With fewer than 16, the other channels of the panel are undefined. Reads exactly `channels` bytes of a pixel.
using Interleave = void (*)(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                            std::int64_t panel_step);

// The lines of a kernel.
struct LineForm {
  int rows;                  // interleaved rows
  std::int64_t pixel_bytes;  // of a panel
  Interleave interleave;
};

struct LinePlan {
  int output_rows;      // computed from the same lines: 1 or 2
  int output_columns;   // computed from the same lines, at most
  int column_parts;     // of an output row
  std::int64_t groups;  // tap groups of a window's column: the lines of an output row
  std::int64_t panel_bytes;
  std::int64_t line_bytes;
  // Line `index` starts with input row index * line_step - pad.top. Output row y reads line y * row_lines + t *
  // group_lines for tap group t.
  std::int64_t line_step;
  std::int64_t row_lines;
  std::int64_t group_lines;
  std::int64_t slots;  // line buffers: lines between the first and the last of an output row
  std::int64_t workspace_bytes;
};

// panels: of a panel set, at most. tile_pixels: outputs of a tile. The workspace also holds the pixels that the last
// tile of a row reads after those of the windows.
[[nodiscard]] LinePlan plan_lines(const ConvolutionShape& shape, const LineForm& form, int panels, int tile_pixels);

// The number of input pixels that the windows of neighbouring outputs read.
[[nodiscard]] std::int64_t touched_pixels(const ConvolutionShape& shape, std::int64_t outputs);

// The source of lines: the channels of a panel set in one image.
struct LineSource {
  const std::uint8_t* image;  // the first of the channels
  std::int64_t end_row;       // of the image; rows from here on are not read, and their weights are 0
  int channels;
  int first_output, outputs;  // columns
};

// The line buffers. A line is interleaved when it is first requested.
class DepthwiseLines {
 public:
  // workspace: plan.workspace_bytes.
  DepthwiseLines(const ConvolutionProblem& problem, const LineForm& form, const LinePlan& plan,
                 const LineSource& source, std::byte* workspace);

  // The first panel of the line, at the window of the first output. Valid until line index + slots is requested.
  const std::uint8_t* line(std::int64_t index);

 private:
  void fill(std::int64_t first, std::uint8_t* to) const;

  const ConvolutionProblem& problem_;
  const LineForm& form_;
  const LinePlan& plan_;
  LineSource source_;
  std::int64_t* made_;  // for each line buffer, the index of its line
  std::uint8_t* padding_;
  std::uint8_t* lines_;
};

inline constexpr std::int64_t kDepthwiseHeadBytes = 128;
inline constexpr std::int64_t kDepthwiseMultiplier = 64;  // offset of the multipliers in the panel header

// The lines that a tile multiplies, one for each tap group.
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
  const std::byte* packed;   // the first panel
  std::int64_t packed_step;  // bytes between panels
  int channels;              // 16 times 1, 2 or 4, or 1..15
  int rows, columns;
  void* output;        // of the layer, in its type
  std::int64_t index;  // of the first output
};

// The input of kernels without lines, for windows of up to three rows. A panel set with fewer panels than the kernel
// description names is repeated until it has that number. Each repetition computes another output row.
inline constexpr int kMostWindowRows = 3;
struct DepthwiseRows {
  // For each output row and row of its window: the first column of the image, or a row of padding.
  const std::uint8_t* rows[kMostPanels][kMostWindowRows];
  const std::uint8_t* padding;        // a pixel of padding
  std::uint8_t* output[kMostPanels];  // rows; some may be the same
  std::int64_t weight_step;           // as in TileLines
};

// How the biases of a panel are packed, and what its multipliers are multiplied by.
enum class DepthwiseBias {
  kInt32,  // multipliers of the sum
  kInt16,  // multipliers of 2^16 times the sum
  kFloat,  // 2^16 times the bias; multipliers of 2^16 times the sum
};

struct DepthwiseForm {
  LineForm line;
  int panels;         // of a panel set, at most, for whole tiles of uint8 outputs; other outputs have panel sets of one
  int lane_channels;  // of a panel in a 128-bit lane
  int tile_pixels;
  DepthwiseBias bias;
  int (*place)(int channel);         // index of the bias and multiplier of a channel in its panel
  int (*weight_place)(int channel);  // index of its weights
  costs::Depthwise costs::Table::*costs;
  // One of the two is nullptr. run_rows interleaves rows itself. Of `block`, packed, packed_step and channels are set.
  // Outputs are uint8.
  void (*run)(const ConvolutionProblem& problem, const TileLines& in, const DepthwiseBlock& block);
  void (*run_rows)(const ConvolutionProblem& problem, const DepthwiseRows& in, const DepthwiseBlock& block);
};

// Refuses layers without one filter per channel, inputs that are not bytes, and a bias that is no int32 with
// -zero_point * sum(w) added.
[[nodiscard]] Refusal refuse_depthwise(const ConvolutionProblem& problem);

// Whether all possible sums of channel c, with its bias, lie in [lo, hi].
[[nodiscard]] bool depthwise_sums_within(const ConvolutionProblem& problem, int c, std::int64_t lo, std::int64_t hi);

// The functions of a ConvolutionKernel.
[[nodiscard]] double depthwise_estimate(const DepthwiseForm& form, const ConvolutionProblem& problem);
[[nodiscard]] std::size_t depthwise_packed_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem);
void pack_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, std::byte* packed);
[[nodiscard]] std::size_t depthwise_workspace_bytes(const DepthwiseForm& form, const ConvolutionProblem& problem);
void run_depthwise(const DepthwiseForm& form, const ConvolutionProblem& problem, const std::byte* packed,
                   const std::uint8_t* input, void* output, const ConvolutionPart& part, std::byte* workspace);

// The kernel of a kernel description with static storage duration. It refuses what kRefusal refuses.
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
