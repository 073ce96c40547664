// Output rows are computed in blocks. Before each block, the input rows of its windows are copied to the workspace and
// the padding is filled in. Therefore inner loops need no test for borders or the end of the input.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/convolution.h"
#include "kernels/shared/block_lines.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// The elements of the workspace. kS16: int16 x - zero_point, padding 0. kU8: uint8 x, padding zero_point.
// kPairs: a byte for two channels of a pixel, 16 * (x0 + 4 * x1), padding x = zero_point. For x and zero_point below 4
// and an even in_c.
enum class BlockElement { kU8, kS16, kPairs };

struct BlockPlan : BlockLines {
  BlockElement element;
  std::int64_t workspace_bytes;
};

[[nodiscard]] BlockPlan plan_blocks(const ConvolutionShape& shape, BlockElement element);

// Loads the block of output rows [first_row, first_row + rows), rows <= block_rows, into the workspace. Returns
// pointers to the windows of its rows * out_w output pixels, in the order of the output.
const std::uint8_t* const* load_block(const ConvolutionProblem& problem, const BlockPlan& plan,
                                      const std::uint8_t* input, std::int64_t first_row, std::int64_t rows,
                                      std::byte* workspace);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
