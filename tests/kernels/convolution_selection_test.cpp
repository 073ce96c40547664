// Which of AVX2's convolution kernels accept a layer, and which one is chosen.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

TEST_CASE("convolution: bytes are multiplied only where the weights prove that no pair saturates") {
  const ConvolutionKernel* kernel = kernel_named("convolution_u8_6x16_avx2");
  ConvolutionCase c = case_of(shape_of(1, 1, 4, 1, 1, 1, 0));
  c.input.assign(4, 255);
  c.bias = {0};
  c.multiplier = {1.0F};
  const auto accepts = [&](std::vector<std::int8_t> weights) {
    c.weights = std::move(weights);
    return kernel_accepts(*kernel, c.problem());
  };
  CHECK(accepts({127, 1, 64, 64}));        // 255 * 128 = 32640
  CHECK_FALSE(accepts({71, 107, 0, 0}));   // 255 * 178 = 45390
  CHECK_FALSE(accepts({127, 2, 0, 0}));    // 255 * 129 = 32895
  CHECK_FALSE(accepts({0, 0, 65, 64}));    // the second pair
  CHECK(accepts({0, 127, 127, 0}));        // neighbours of two pairs
  CHECK(accepts({-128, 0, -64, -64}));     // -32640
  CHECK_FALSE(accepts({-128, -1, 0, 0}));  // -32895
  CHECK(accepts({127, -128, -128, 127}));  // signs don't add up
  c.input_range = {0, 127};
  CHECK(accepts({127, 127, -128, -128}));  // 127 * 254 = 32258; -32512
  c.input_range = {0, 128};
  CHECK(accepts({0, 0, -128, -128}));  // -32768 is the last value that fits
  c.input_range = {0, 129};
  CHECK_FALSE(accepts({0, 0, -128, -128}));
  // The padding holds the zero point.
  c.input_range = {0, 100};
  c.input_zero_point = 255;
  CHECK_FALSE(accepts({127, 127, 0, 0}));
}

TEST_CASE("convolution: selection follows shape and ranges and limits itself to the ISA") {
  const auto selected = [](const ConvolutionCase& c, Isa isa) {
    return std::string(chosen_kernel(c.problem(), isa)->name);
  };
  std::mt19937 random(narrow::testing::seed() + 7);
  ConvolutionCase full = case_of(shape_of(9, 9, 16, 16, 3, 2, 1));
  full.fill(random, Fill::kHighest, Fill::kHighest);
  CHECK(selected(full, Isa::kAvx2) == "convolution_s16_6x16_avx2");
  CHECK(selected(full, Isa::kScalar) == "convolution_scalar");
  ConvolutionCase narrow_weights = full;
  narrow_weights.weight_range = {-64, 63};
  narrow_weights.fill(random, Fill::kHighest, Fill::kHighest);
  CHECK(selected(narrow_weights, Isa::kAvx2) == "convolution_u8_6x16_avx2");
  ConvolutionCase narrow_inputs = full;
  narrow_inputs.input_range = {0, 127};
  CHECK(selected(narrow_inputs, Isa::kAvx2) == "convolution_u8_6x16_avx2");
  ConvolutionCase depthwise = case_of(shape_of(8, 8, 16, 16, 3, 1, 1, 16));
  depthwise.fill(random, Fill::kHighest, Fill::kHighest);
  CHECK(selected(depthwise, Isa::kAvx2) == "depthwise_s16_avx2");
  ConvolutionCase multiplied = case_of(shape_of(8, 8, 16, 32, 3, 1, 1, 16));
  multiplied.fill(random, Fill::kHighest, Fill::kHighest);
  CHECK(selected(multiplied, Isa::kAvx2) == "convolution_s16_6x16_avx2");  // one channel: a step of bytes is no longer
}

}  // namespace
}  // namespace narrow::kernels::testing
