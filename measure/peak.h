// What this CPU multiplies at most: loops on registers alone, with the mixes of instructions that kernels are made of.
// Kernels are compared with them, layer by layer.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace narrow::measure {

// Named by what a kernel does with each product.
enum class InstructionMix {
  kWords,      // vpmaddwd, vpaddd: 16 x 16 bits into 32
  kBytes,      // vpmaddubsw, vpmaddwd, vpaddd: 8 x 8 bits into 32
  kSums16,     // vpmaddubsw, vpaddw: 8 x 8 bits into 16
  kPairs,      // vpmaddubsw twice, vpaddw, vpmaddwd, vpaddd: 8 x 8 bits into 32 by way of 16
  kDot,        // vpdpbusd of 32 bytes: 8 x 8 bits into 32, AVX-VNNI
  kWideDot,    // vpdpbusd of 64 bytes, AVX512-VNNI
  kWideWords,  // vpdpwssd of 64 bytes: 16 x 16 bits into 32, AVX512-VNNI
};

// "vpmaddwd+vpaddd".
[[nodiscard]] std::string_view mix_name(InstructionMix mix);

// What a convolution kernel multiplies with, told by its name ("convolution_u8_6x16_avx2"). Nothing for the scalar
// reference, and for kernels that do not convolve integers.
[[nodiscard]] std::optional<InstructionMix> mix_of_kernel(std::string_view kernel);

// Those that this CPU has.
[[nodiscard]] std::vector<InstructionMix> available_mixes();

// Operations a second on one core, a multiply-add being two; the best of several rounds, about 30 ms in all. Time is
// that of the calling thread, so that other load counts little. `mix` is one of available_mixes().
[[nodiscard]] double measure_peak(InstructionMix mix);

}  // namespace narrow::measure
