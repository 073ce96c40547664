// What depthwise kernels multiply: rows of the picture, a few of them interleaved, for a block of channels, with the
// padding filled in. Line i interleaves input rows i, i + dilation, ...: a pixel is 16 channels of (first row, second
// row, ...), and the panels of a block, 16 channels each, follow each other. The taps of a window's column meet as many
// rows in one instruction, and every column of the window meets the same line at another place, so that interleaving
// once serves kernel_w multiplications, and those of two output rows where the window of the second has the same lines.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"

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

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
