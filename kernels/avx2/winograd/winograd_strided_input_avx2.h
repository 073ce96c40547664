// From pictures to U = B d B^T, see winograd_strided_plan_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/winograd/winograd_input_avx2.h"
#include "kernels/avx2/winograd/winograd_strided_plan_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// Fills the line of padding that transform_strided reads.
void prepare_strided(const ConvolutionProblem& problem, const StridedPlan& plan, std::byte* workspace);

// Makes U and the table's entries of a segment that starts with tile `first` of the block.
void transform_strided(const ConvolutionProblem& problem, const StridedPlan& plan, const std::uint8_t* input,
                       const WinogradSegment& segment, std::int64_t first, std::byte* workspace);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
