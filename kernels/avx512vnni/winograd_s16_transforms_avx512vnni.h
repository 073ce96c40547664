// The transforms of winograd_s16_4x4_avx512vnni: those of WinogradFunctions in vectors of 512 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/avx2/shared/winograd_s16_4x4_avx2.h"

#pragma GCC visibility push(hidden)
namespace narrow::kernels::avx512vnni {

void transform_winograd_columns(const std::uint8_t* const* rows, std::int64_t count, std::byte* lines,
                                std::int64_t line_bytes);
void transform_winograd_row(const std::byte* line, std::int64_t pixel_bytes, std::int64_t channels,
                            std::int64_t position_bytes, std::byte* u);
void transform_winograd_weights(const std::byte* weights, std::int64_t steps, std::int64_t position_bytes,
                                std::byte* w);
void transform_winograd_output(const ConvolutionProblem& problem, const avx2::OutputStage& stage,
                               const avx2::WinogradTile& tile, const std::byte* m, std::int64_t position_bytes,
                               const std::byte* head, int channel, int channels, void* output);

}  // namespace narrow::kernels::avx512vnni
#pragma GCC visibility pop
