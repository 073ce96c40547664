// From M to outputs, see winograd_plan_avx2.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/convolution_output_avx2.h"
#include "kernels/avx2/winograd/winograd_input_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx2 {

// Write `channels` (1..16) channels, from `channel` on, of a tile's outputs. m: 36 Acc that are position_bytes apart;
//   head: the panel's; output: the whole layer's.
void transform_output_4x4(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output);
void transform_output_3x3(const ConvolutionProblem& problem, const OutputStage& stage, const WinogradTile& tile,
                          const std::byte* m, std::int64_t position_bytes, const std::byte* head, int channel,
                          int channels, void* output);

}  // namespace narrow::kernels::avx2
#pragma GCC visibility pop
