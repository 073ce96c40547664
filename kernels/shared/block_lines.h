// Output rows are computed in blocks, whose input rows are copied to the workspace line by line. All instruction sets
// of x86 divide rows in the same way; what an element of a line is, is theirs.
#pragma once

#include <cstdint>

#include "base/arithmetic.h"
#include "kernels/convolution.h"

namespace narrow::kernels {

struct BlockLines {
  std::int64_t pixel_bytes;  // of all in_c channels
  // One line holds the input pixels of one row that windows read, left to right. If the window is one pixel wide
  // (high), pixels (rows) that the stride skips are left out.
  std::int64_t line_pixels;
  std::int64_t line_bytes;
  std::int64_t column_step;  // input columns between neighbouring pixels of a line
  std::int64_t row_step;     // input rows between neighbouring lines
  std::int64_t window_step;  // line pixels between the windows of neighbouring output pixels
  std::int64_t line_step;    // lines between the windows of neighbouring output rows
  std::int64_t window_lines;
  std::int64_t block_rows;   // output rows of a block, at most
  std::int64_t table_bytes;  // of the pixel pointers at the start of the workspace
  std::int64_t lines_bytes;  // of the lines after them, with 64 bytes after the last one, which may be read
};

static inline BlockLines plan_lines(const ConvolutionShape& shape, std::int64_t pixel_bytes) {
  // The lines of a block take half of a small L2 cache (256 KiB). The rest is for weights.
  constexpr std::int64_t kLinesBytes = 128 * 1024;
  // A block of this size uses each panel of weights often, and its pointer table stays in L1.
  constexpr std::int64_t kBlockPixels = 1536;
  constexpr std::int64_t kSlackBytes = 64;
  BlockLines plan;
  plan.pixel_bytes = pixel_bytes;
  plan.column_step = shape.kernel_w == 1 ? shape.stride_w : 1;
  plan.window_step = shape.kernel_w == 1 ? 1 : shape.stride_w;
  plan.row_step = shape.kernel_h == 1 ? shape.stride_h : 1;
  plan.line_step = shape.kernel_h == 1 ? 1 : shape.stride_h;
  plan.line_pixels =
      (std::int64_t{shape.out_w} - 1) * plan.window_step + (std::int64_t{shape.kernel_w} - 1) * shape.dilation_w + 1;
  plan.line_bytes = plan.line_pixels * plan.pixel_bytes;
  plan.window_lines = (std::int64_t{shape.kernel_h} - 1) * shape.dilation_h + 1;
  // The lines of an image whose first n output rows are in the block: n * line_step + halo.
  const std::int64_t halo = base::clamped(plan.window_lines - plan.line_step, 0, plan.window_lines);
  const std::int64_t lines = base::clamped(kLinesBytes / plan.line_bytes, 1, kLinesBytes);
  const std::int64_t image_lines = shape.out_h * plan.line_step + halo;
  plan.block_rows = lines >= image_lines ? lines / image_lines * shape.out_h : (lines - halo) / plan.line_step;
  plan.block_rows = base::clamped(plan.block_rows, 1, base::clamped(kBlockPixels / shape.out_w, 1, kBlockPixels));
  // A block of n rows may begin and end in the middle of an image.
  const std::int64_t images = base::clamped((plan.block_rows - 1) / shape.out_h + 2, 1, plan.block_rows);
  const std::int64_t block_lines = plan.block_rows * plan.line_step + images * halo;
  plan.table_bytes = base::round_up(plan.block_rows * shape.out_w * std::int64_t{sizeof(void*)}, 64);
  plan.lines_bytes = base::round_up(block_lines * plan.line_bytes + kSlackBytes, 64);
  return plan;
}

// The pixels [begin, end) of a line that are inside the image: 0 <= pixel * column_step - pad.left < in_w. The others
// are padding.
struct ImagePixels {
  std::int64_t begin;
  std::int64_t end;
};

static inline ImagePixels image_pixels(const ConvolutionShape& shape, const BlockLines& plan) {
  const std::int64_t end =
      base::clamped(base::ceil_div(std::int64_t{shape.in_w} + shape.pad.left, plan.column_step), 0, plan.line_pixels);
  return {base::clamped(base::ceil_div(shape.pad.left, plan.column_step), 0, end), end};
}

}  // namespace narrow::kernels
