// Winograd's F(4x4, 3x3) but for the products, which other ISAs compute with their own instructions. The mathematics
// and the proof are in winograd_plan_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_tile_avx2.h"
#include "kernels/convolution.h"
#include "kernels/costs.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// Refuses where the sum of a channel, before its bias, may leave kWinogradAccLimit.
[[nodiscard]] Refusal refuse_large_winograd_sums(const ConvolutionProblem& problem);

// The functions of a ConvolutionKernel, where they do not depend on the ISA.
[[nodiscard]] Refusal refuse_winograd(const ConvolutionProblem& problem);
[[nodiscard]] int winograd_channel_step(const ConvolutionProblem& problem);
[[nodiscard]] std::size_t winograd_packed_bytes(const ConvolutionProblem& problem);
void pack_winograd_layer(const ConvolutionProblem& problem, const std::int64_t* proof, std::byte* packed);
[[nodiscard]] std::size_t winograd_workspace_bytes(const ConvolutionProblem& problem);

[[nodiscard]] double winograd_cost(const ConvolutionProblem& problem, const costs::Winograd& costs);

// As multiply_winograd.
using WinogradMultiply = void (*)(const std::byte* u, std::int64_t row_bytes, std::int64_t u_bytes, std::int64_t rows,
                                  const std::byte* w, bool adds, Acc* m);

void run_winograd(const ConvolutionProblem& problem, const std::byte* packed, const std::uint8_t* input, void* output,
                  const ConvolutionPart& part, std::byte* workspace, WinogradMultiply multiply);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
