// What depthwise kernels multiply: rows of the picture, a few of them interleaved, some panels of 16 channels at a
// time, with the padding filled in. Line i interleaves input rows i, i + dilation, ...: a pixel is 16 channels of
// (first row, second row, ...). The taps of a window's column meet as many rows in one instruction, and every column of
// the window meets the same line at another place, so that interleaving once serves kernel_w multiplications, and those
// of two output rows where the window of the second has the same lines.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kDepthwiseChannels = 16;
inline constexpr int kMostPanels = 4;    // of a line
inline constexpr int kMostLineRows = 4;  // that are interleaved

// Rows of the picture, or of padding, that become a line.
struct LineRows {
  const std::uint8_t* row[kMostLineRows];  // at the first pixel and channel
  std::int64_t step[kMostLineRows];        // bytes between pixels, 0: all are the same
};

// Writes `pixels` pixels of ceil(channels / 16) panels, `panel_step` bytes apart; reads `channels` bytes of a pixel and
// no more. What it writes of a panel's channels beyond them is of no interest.
using Interleave = void (*)(const LineRows& rows, std::int64_t pixels, int channels, std::uint8_t* to,
                            std::int64_t panel_step);

// How a kernel wants its lines.
struct LineForm {
  int rows;                  // that are interleaved
  std::int64_t pixel_bytes;  // of a panel
  int panels;                // that one call of `interleave` makes best
  Interleave interleave;
};

struct LinePlan {
  int output_rows;           // that are computed from the same lines: 1 or 2
  std::int64_t groups;       // of taps in a window's column: lines that an output row meets
  std::int64_t line_pixels;  // that windows touch
  int panels;                // of a line: a power of 2
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

// tile_pixels: outputs of a tile. What a row's last tile reads beyond the line's pixels is in the workspace too.
[[nodiscard]] __attribute__((visibility("hidden"))) LinePlan plan_lines(const ConvolutionShape& shape,
                                                                        const LineForm& form, std::int64_t tile_pixels);

// The lines of one picture and of channels [channel, channel + channels), made when they are first asked for.
class DepthwiseLines {
 public:
  // workspace: plan.workspace_bytes. channels: 1..16 * plan.panels.
  DepthwiseLines(const ConvolutionProblem& problem, const LineForm& form, const LinePlan& plan,
                 const std::uint8_t* picture, int channel, int channels, std::byte* workspace);

  // Its first panel. Valid until line index + slots is asked for.
  const std::uint8_t* line(std::int64_t index);

 private:
  void fill(std::int64_t first, std::uint8_t* to) const;

  const ConvolutionProblem& problem_;
  const LineForm& form_;
  const LinePlan& plan_;
  const std::uint8_t* picture_;  // at the first of the channels
  int channels_;
  std::int64_t* made_;  // for each slot, the index of the line that is in it
  std::uint8_t* padding_;
  std::uint8_t* lines_;
};

}  // namespace narrow::kernels::avx2
