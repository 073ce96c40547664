// Winograd's F(3x3, 4x4) of stride 2 but for the products, which other ISAs compute with their own instructions. The
// mathematics are in winograd_strided_plan_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_run_avx2.h"
#include "kernels/convolution.h"

namespace narrow::kernels::avx2 {

inline constexpr std::int64_t kStridedMostRows = 12;  // of a product

// The functions of a ConvolutionKernel, where they do not depend on the ISA.
[[nodiscard]] __attribute__((visibility("hidden"))) Refusal refuse_strided(const ConvolutionProblem& problem);
[[nodiscard]] __attribute__((visibility("hidden"))) double strided_cost(const ConvolutionProblem& problem,
                                                                        const costs::Winograd& costs);
[[nodiscard]] __attribute__((visibility("hidden"))) std::size_t strided_packed_bytes(const ConvolutionProblem& problem);
[[nodiscard]] __attribute__((visibility("hidden"))) std::size_t strided_workspace_bytes(
    const ConvolutionProblem& problem);

// `rows` (1..kStridedMostRows): how many tiles `multiply` takes at a time.
__attribute__((visibility("hidden"))) void run_strided(const ConvolutionProblem& problem, const std::byte* packed,
                                                       const std::uint8_t* input, void* output,
                                                       const ConvolutionPart& part, std::byte* workspace,
                                                       WinogradMultiply multiply, std::int64_t rows);

}  // namespace narrow::kernels::avx2
