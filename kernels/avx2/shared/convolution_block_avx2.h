// Output rows are computed in blocks. Before each block, the input rows of its windows are copied to the workspace and
// the padding is filled in. Therefore inner loops need no test for borders or the end of the input.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// The elements of the workspace. kS16: int16 x - zero_point, padding 0. kU8: uint8 x, padding zero_point.
// kPairs: a byte for two channels of a pixel, 16 * (x0 + 4 * x1), padding x = zero_point. For x and zero_point below 4
// and an even in_c.
enum class BlockElement { kU8, kS16, kPairs };

struct BlockPlan {
  BlockElement element;
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
  std::int64_t block_rows;       // output rows of a block, at most
  std::int64_t table_bytes;      // of the pixel pointers at the start of the workspace
  std::int64_t workspace_bytes;  // includes 64 bytes after the last line, which may be read
};

[[nodiscard]] BlockPlan plan_blocks(const ConvolutionShape& shape, BlockElement element);

// Loads the block of output rows [first_row, first_row + rows), rows <= block_rows, into the workspace. Returns
// pointers to the windows of its rows * out_w output pixels, in the order of the output.
const std::uint8_t* const* load_block(const ConvolutionProblem& problem, const BlockPlan& plan,
                                      const std::uint8_t* input, std::int64_t first_row, std::int64_t rows,
                                      std::byte* workspace);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
