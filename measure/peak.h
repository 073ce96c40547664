// What this CPU multiplies at most: loops on registers alone, with the mixes of instructions that kernels are made of.
// Kernels are compared with them, layer by layer.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "kernels/convolution.h"

namespace narrow::measure {

using kernels::InstructionMix;

// "vpmaddwd+vpaddd".
[[nodiscard]] std::string_view mix_name(InstructionMix mix);

// The instructions of the integer convolution kernel of this name ("convolution_u8_6x16_avx2"). Nothing for the scalar
// reference, and for names of other kernels.
[[nodiscard]] std::optional<InstructionMix> mix_of_kernel(std::string_view kernel);

// Those that this CPU has.
[[nodiscard]] std::vector<InstructionMix> available_mixes();

// Operations a second on one core, a multiply-add being two; the best of several rounds, about 30 ms in all. Time is
// that of the calling thread, so that other load counts little. `mix` is one of available_mixes().
[[nodiscard]] double measure_peak(InstructionMix mix);

}  // namespace narrow::measure
