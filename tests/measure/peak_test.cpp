// The peaks that kernels are compared with: every kernel has one, and it can be measured where the kernel runs.
#include "measure/peak.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "kernels/isa_table.h"

using narrow::Isa;
using narrow::measure::available_mixes;
using narrow::measure::InstructionMix;
using narrow::measure::mix_of_kernel;

TEST_CASE("every convolution kernel that is not the scalar reference has a peak on each CPU that runs it") {
  const auto mixes = available_mixes();
  for (const auto* table : narrow::kernels::isa_tables()) {
    for (std::size_t i = 0; i < table->convolution_count; ++i) {
      const std::string name = table->convolutions[i]->name;
      CAPTURE(name);
      const auto mix = mix_of_kernel(name);
      REQUIRE(mix.has_value() == (table->isa != Isa::kScalar));
      if (!mix) continue;
      CHECK_FALSE(narrow::measure::mix_name(*mix).empty());
      const bool runs = narrow::kernels::cpu_features().has(narrow::kernels::required_features(table->isa).bits);
      if (runs) CHECK(std::find(mixes.begin(), mixes.end(), *mix) != mixes.end());
    }
    for (std::size_t i = 0; i < table->convolution_f32_count; ++i) {
      CHECK_FALSE(mix_of_kernel(table->convolutions_f32[i]->name));
    }
  }
}

TEST_CASE("kernels that do not convolve have no peak") {
  for (const char* name : {"average_pool_u8_32_avx2", "quantize_f32u8_32_avx2", "add_u8_avx2", "pad", ""}) {
    CHECK_FALSE(mix_of_kernel(name));
  }
  CHECK(mix_of_kernel("convolution_s16_6x16_avx2") == InstructionMix::kWords);
  CHECK(mix_of_kernel("convolution_a16_3x16_avx2") == InstructionMix::kSums16);
  CHECK(mix_of_kernel("convolution_matched_16x4_avx2") == InstructionMix::kPairs);
  CHECK(mix_of_kernel("convolution_w2_6x64_avx2") == InstructionMix::kPairTables);
  CHECK(mix_of_kernel("winograd_s16_4x4_avx2") == InstructionMix::kWords);
  CHECK(mix_of_kernel("winograd_s16_4x4_avx512vnni") == InstructionMix::kWideWords);
  CHECK(narrow::measure::mix_name(InstructionMix::kTiles) == "tdpbusd");
}

TEST_CASE("each peak that this CPU has can be measured") {
  for (const InstructionMix mix : available_mixes()) {
    CAPTURE(narrow::measure::mix_name(mix));
    CHECK(narrow::measure::measure_peak(mix) > 0);
  }
}
