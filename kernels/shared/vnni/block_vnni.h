// Output rows are computed in blocks. Windows of one pixel without padding are read in place. For all others, the input
// rows of a block's windows are copied to the workspace and the padding is filled in. Therefore inner loops need no
// test for borders or the end of the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convolution.h"
#include "kernels/shared/block_lines.h"
#include "kernels/shared/vnni/layout_vnni.h"

namespace narrow::kernels::vnni {

struct BlockPlan : BlockLines {
  bool in_place;
  std::int64_t workspace_bytes;
};

static inline BlockPlan plan_blocks(const ConvolutionShape& shape) {
  BlockPlan plan{plan_lines(shape, shape.in_c), false, 0};
  plan.in_place =
      shape.kernel_h == 1 && shape.kernel_w == 1 && shape.group_in() % kStepElems == 0 && shape.pad == Padding{};
  plan.workspace_bytes = plan.table_bytes + (plan.in_place ? 0 : plan.lines_bytes);
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
  const auto [begin, end] = image_pixels(shape, plan);
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
