// From pictures to U = B d B^T + offset, see winograd_bytes_avx2.h. Bytes wrap modulo 256 on the way, and end in range.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_bytes_avx2.h"
#include "kernels/avx2/winograd/winograd_input_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// Fills the line of padding and the heads of positions.
void prepare_byte_winograd(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, std::byte* workspace);

// Makes U and the table's entries of a segment that starts with tile `first` of the block.
void transform_byte_inputs(const ConvolutionProblem& problem, const ByteWinogradPlan& plan, const std::uint8_t* input,
                           const WinogradSegment& segment, std::int64_t first, std::byte* workspace);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
