// Winograd's F(3x3, 4x4) of stride 2 but for the products, which other ISAs compute with their own instructions. The
// mathematics are in winograd_strided_plan_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_run_avx2.h"
#include "kernels/convolution.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kStridedMostRows = 12;  // of a product

// The functions of a ConvolutionKernel, where they do not depend on the ISA.
[[nodiscard]] Refusal refuse_strided(const ConvolutionProblem& problem);
[[nodiscard]] double strided_cost(const ConvolutionProblem& problem, const costs::Winograd& costs);
[[nodiscard]] std::size_t strided_packed_bytes(const ConvolutionProblem& problem);
[[nodiscard]] std::size_t strided_workspace_bytes(const ConvolutionProblem& problem);

// `rows` (1..kStridedMostRows): how many tiles `multiply` takes at a time.
void run_strided(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                 const ConvolutionPart& part, std::byte* workspace, WinogradMultiply multiply, std::int64_t rows);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
