// What depthwise kernels multiply: rows of the picture in pairs, 16 channels at a time, with the padding filled in.
// Line i interleaves input rows i and i + dilation: a pixel is 16 channels of (upper, lower). Taps 2t and 2t + 1 of a
// window's column meet it in one instruction, and every column of the window meets the same line at another place, so
// that interleaving once serves kernel_w multiplications, and with stride 1 the outputs of several rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kDepthwiseChannels = 16;

// What an element of a line is. kS16: channels 0-3, 8-11, then 4-7, 12-15, as words; kU8: channels 0..15, as bytes.
enum class PairElement { kU8 = 1, kS16 = 2 };

struct PairPlan {
  PairElement element;
  std::int64_t pairs;        // of taps in a window's column; the last one's second weight may be 0
  std::int64_t line_pixels;  // that windows touch
  std::int64_t pixel_bytes;
  std::int64_t line_bytes;
  // Line `index` starts with input row index * line_step - pad.top. Output row y meets for its pair of taps t line
  // y * row_lines + t * pair_lines.
  std::int64_t line_step;
  std::int64_t row_lines;
  std::int64_t pair_lines;
  std::int64_t slots;  // lines between the first and the last of an output row
  std::int64_t workspace_bytes;
};

// tile_pixels: outputs of a tile. What a row's last tile reads beyond the line's pixels is in the workspace too.
[[nodiscard]] __attribute__((visibility("hidden"))) PairPlan plan_pairs(const ConvolutionShape& shape,
                                                                        PairElement element, std::int64_t tile_pixels);

// The lines of one picture and of channels [channel, channel + 16), made when they are first asked for.
class PairLines {
 public:
  // workspace: plan.workspace_bytes. Channels from `channels` (1..16) on are of no interest.
  PairLines(const ConvolutionProblem& problem, const PairPlan& plan, const std::uint8_t* picture, int channel,
            int channels, std::byte* workspace);

  // Valid until line index + slots is asked for.
  const std::uint8_t* line(std::int64_t index);

 private:
  void fill(std::int64_t first, std::uint8_t* to) const;
  template <PairElement kElement, bool kWhole>
  void interleave(const std::uint8_t* upper, const std::uint8_t* lower, std::int64_t pixels, std::int64_t upper_step,
                  std::int64_t lower_step, std::uint8_t* to) const;

  const ConvolutionProblem& problem_;
  const PairPlan& plan_;
  const std::uint8_t* picture_;  // at the first of the channels
  int channels_;
  std::int64_t* made_;  // for each slot, the index of the line that is in it
  std::uint8_t* padding_;
  std::uint8_t* lines_;
};

}  // namespace narrow::kernels::avx2
