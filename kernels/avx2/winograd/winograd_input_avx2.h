// From pictures to U = B d B^T, see winograd_plan_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_plan_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// Where a tile's outputs go.
struct WinogradTile {
  std::int64_t pixel;  // its first output, among those of all pictures
  std::int32_t rows, columns;
};

// A run of `tiles` tiles: `rows` (1..4) output rows from `row` of all pictures' rows on, columns from `column` on.
struct WinogradSegment {
  std::int64_t row;
  int rows;
  std::int64_t column;
  std::int64_t tiles;
};

// Fills the line of padding that transform_inputs reads.
void prepare_padding(const ConvolutionProblem& problem, const WinogradPlan& plan, std::byte* workspace);

// Makes U and the table's entries of a segment that starts with tile `first` of the block.
void transform_inputs(const ConvolutionProblem& problem, const WinogradPlan& plan, const std::uint8_t* input,
                      const WinogradSegment& segment, std::int64_t first, std::byte* workspace);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
