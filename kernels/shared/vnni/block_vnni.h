// Output rows are computed in blocks. Windows of one pixel without padding are read in place. For all others, the input
// rows of a block's windows are copied to the workspace and the padding is filled in. Therefore inner loops need no
// test for borders or the end of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convolution.h"
#include "kernels/shared/vnni/layout_vnni.h"

namespace narrow::kernels::vnni {

struct BlockPlan {
  bool in_place;
  std::int64_t pixel_bytes;
  // One line holds the input pixels of one row that windows read, left to right. If the window is one pixel wide
  // (high), pixels (rows) that the stride skips are left out.
  std::int64_t line_pixels;
  std::int64_t line_bytes;
  std::int64_t column_step;  // input columns between neighbouring pixels of a line
  std::int64_t row_step;     // input rows between neighbouring lines
  std::int64_t window_step;  // line pixels between the windows of neighbouring output pixels
  std::int64_t line_step;    // lines between the windows of neighbouring output rows
  std::int64_t window_lines;
  std::int64_t block_rows;       // output rows of a block, at most
  std::int64_t table_bytes;      // of the pixel pointers at the start of the workspace
  std::int64_t workspace_bytes;  // includes 64 bytes after the last line, which may be read
};

static inline BlockPlan plan_blocks(const ConvolutionShape& shape) {
  // The input of a block takes half of a small L2 cache (256 KiB). The rest is for weights.
  constexpr std::int64_t kLinesBytes = 128 * 1024;
  constexpr std::int64_t kBlockPixels = 1536;
  constexpr std::int64_t kSlackBytes = 64;
  BlockPlan plan;
  plan.in_place =
      shape.kernel_h == 1 && shape.kernel_w == 1 && shape.group_in() % kStepElems == 0 && shape.pad == Padding{};
  plan.pixel_bytes = shape.in_c;
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
  plan.workspace_bytes = plan.table_bytes;
  if (!plan.in_place) plan.workspace_bytes += base::round_up(block_lines * plan.line_bytes + kSlackBytes, 64);
  return plan;
}

// `row` is the input row, or nullptr for a row of padding.
static inline void load_line(const ConvolutionProblem& problem, const BlockPlan& plan, const std::uint8_t* row,
                             std::uint8_t* line) {
  const ConvolutionShape& shape = problem.shape;
  const auto fill = [&](std::int64_t begin, std::int64_t end) {
    std::memset(line + begin * plan.pixel_bytes, problem.input_zero_point,
                static_cast<std::size_t>((end - begin) * plan.pixel_bytes));
  };
  if (row == nullptr) return fill(0, plan.line_pixels);
  // Pixels [begin, end) of the line lie inside the image: 0 <= pixel * column_step - pad.left < in_w.
  const std::int64_t end =
      base::clamped(base::ceil_div(std::int64_t{shape.in_w} + shape.pad.left, plan.column_step), 0, plan.line_pixels);
  const std::int64_t begin = base::clamped(base::ceil_div(shape.pad.left, plan.column_step), 0, end);
  fill(0, begin);
  const std::int64_t run = plan.column_step == 1 ? end - begin : 1;
  for (std::int64_t pixel = begin; pixel < end; pixel += run) {
    std::memcpy(line + pixel * plan.pixel_bytes, row + (pixel * plan.column_step - shape.pad.left) * plan.pixel_bytes,
                static_cast<std::size_t>(run * plan.pixel_bytes));
  }
  fill(end, plan.line_pixels);
}

// Returns pointers to the windows of the block of output rows [first_row, first_row + rows), rows <= block_rows. These
// are rows * out_w pointers, in the order of the output.
static inline const std::uint8_t* const* load_block(const ConvolutionProblem& problem, const BlockPlan& plan,
                                                    const std::uint8_t* input, std::int64_t first_row,
                                                    std::int64_t rows, std::byte* workspace) {
  const ConvolutionShape& shape = problem.shape;
  const std::int64_t row_bytes = shape.in_w * plan.pixel_bytes;
  const std::uint8_t** const table = reinterpret_cast<const std::uint8_t**>(workspace);
  const std::uint8_t** entry = table;
  std::uint8_t* line = reinterpret_cast<std::uint8_t*>(workspace) + plan.table_bytes;
  while (rows > 0) {
    const std::int64_t first_y = first_row % shape.out_h;
    const std::int64_t span = base::clamped(rows, 1, shape.out_h - first_y);  // output rows of this image
    const std::uint8_t* const image = input + first_row / shape.out_h * shape.in_h * row_bytes;
    const std::uint8_t* const first = plan.in_place ? image + first_y * shape.stride_h * row_bytes : line;
    const std::int64_t row_step = plan.in_place ? shape.stride_h * row_bytes : plan.line_step * plan.line_bytes;
    const std::int64_t step = (plan.in_place ? shape.stride_w : plan.window_step) * plan.pixel_bytes;
    for (std::int64_t row = 0; row < span; ++row) {
      const std::uint8_t* window = first + row * row_step;
      for (int x = 0; x < shape.out_w; ++x, window += step) *entry++ = window;
    }
    const std::int64_t lines = plan.in_place ? 0 : (span - 1) * plan.line_step + plan.window_lines;
    std::int64_t y = first_y * shape.stride_h - shape.pad.top;
    for (std::int64_t i = 0; i < lines; ++i, y += plan.row_step, line += plan.line_bytes) {
      load_line(problem, plan, y >= 0 && y < shape.in_h ? image + y * row_bytes : nullptr, line);
    }
    first_row += span;
    rows -= span;
  }
  return table;
}

}  // namespace narrow::kernels::vnni
