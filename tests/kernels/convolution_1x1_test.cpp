// Pointwise layers with few weights: all sizes of panels, remainders of pixels, clamps and parts. What all
// convolutions share is in convolution_test.cpp.
#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

constexpr const char* kWords = "convolution_1x1_s16_avx2";
constexpr const char* kSums16 = "convolution_1x1_a16_avx2";

ConvolutionCase extreme_case(std::mt19937& random, const ConvolutionShape& shape, QRange weights, QRange inputs) {
  ConvolutionCase c = case_of(shape);
  c.batch = 2;
  c.weight_range = weights;
  c.input_range = inputs;
  c.input_zero_point = inputs.hi / 3;
  c.fill(random, Fill::kExtremes, Fill::kExtremes);
  return c;
}

TEST_CASE("1x1: outputs of 8 to 144 channels and any number of pixels equal the reference") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 20);
  for (const int out_c : {8, 16, 24, 32, 40, 48, 72, 96, 144}) {
    for (const int in_c : {4, 8, 12, 20, 36, 132}) {
      for (const int width : {1, 2, 3, 5, 13}) {
        for (const bool narrow_ranges : {false, true}) {
          const QRange weights = narrow_ranges ? QRange{-7, 7} : QRange{-128, 127};
          const QRange inputs = narrow_ranges ? QRange{0, 15} : QRange{0, 255};
          ConvolutionCase c = extreme_case(random, shape_of(3, width, in_c, out_c, 1, 1, 0), weights, inputs);
          CHECK(kernel_accepts(kWords, c));
          CHECK(kernel_accepts(kSums16, c) == narrow_ranges);
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

TEST_CASE("1x1: more pixels than a chunk, and every zero point and clamp, equal the reference") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 21);
  for (const int out_c : {8, 16, 24, 32}) {
    for (const QRange range : {QRange{0, 255}, QRange{0, 15}, QRange{3, 14}, QRange{200, 200}}) {
      for (const std::int32_t zero_point : {0, 3, 255}) {
        ConvolutionCase c = extreme_case(random, shape_of(13, 67, 64, out_c, 1, 1, 0), {-7, 7}, {0, 255});
        c.output_range = range;
        c.output_zero_point = zero_point;
        CHECK(kernel_accepts(kWords, c));
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
}

TEST_CASE("1x1: sums in 16 bits end exactly where int16 does") {
  NARROW_NEED_KERNELS();
  ConvolutionCase c = case_of(shape_of(1, 4, 8, 8, 1, 1, 0));
  c.input_range = {0, 217};
  c.input.assign(32, 217);
  c.bias.assign(8, 0);
  c.multiplier.assign(8, 0.004F);
  c.weights.assign(64, 0);
  const auto accepts_second = [&](std::int8_t weight) {
    c.weights[40] = 75;  // channel 5: elements 0 and 4 share a lane
    c.weights[44] = weight;
    return kernel_accepts(kSums16, c);
  };
  CHECK(accepts_second(76));  // 217 * 151 = 32767
  CHECK(check_against_reference(c) > 0);
  CHECK_FALSE(accepts_second(77));
  CHECK(check_against_reference(c) > 0);
  CHECK(accepts_second(-128));  // signs don't add up
  CHECK(check_against_reference(c) > 0);
}

TEST_CASE("1x1: only outputs that fit an int32 before they are rounded") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 22);
  ConvolutionCase c = extreme_case(random, shape_of(2, 3, 16, 24, 1, 1, 0), {-7, 7}, {0, 255});
  CHECK(kernel_accepts(kSums16, c));
  for (const float multiplier : {1e-38F, 1e-7F, 1e3F, 1e5F, 1e30F, std::numeric_limits<float>::max()}) {
    c.multiplier[23] = multiplier;
    CHECK(kernel_accepts(kSums16, c) == (multiplier < 1e4F));
    CHECK(kernel_accepts(kWords, c) == (multiplier < 1e4F));
    CHECK(check_against_reference(c) > 0);
  }
}

TEST_CASE("1x1: other windows, odd numbers of channels and many weights are left to other kernels") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 23);
  const auto taken = [&](const ConvolutionShape& shape) {
    const ConvolutionCase c = extreme_case(random, shape, {-1, 1}, {0, 3});
    CHECK(kernel_accepts(kWords, c) == kernel_accepts(kSums16, c));
    return kernel_accepts(kWords, c);
  };
  CHECK(taken(shape_of(4, 4, 16, 16, 1, 1, 0)));
  CHECK(taken(shape_of(1, 1, 128, 512, 1, 1, 0)));
  CHECK_FALSE(taken(shape_of(1, 1, 132, 512, 1, 1, 0)));
  CHECK_FALSE(taken(shape_of(4, 4, 16, 16, 1, 2, 0)));
  CHECK_FALSE(taken(shape_of(4, 4, 16, 16, 1, 1, 1)));
  CHECK_FALSE(taken(shape_of(4, 4, 16, 16, 3, 1, 1)));
  CHECK_FALSE(taken(shape_of(4, 4, 16, 16, 1, 1, 0, 2)));
  CHECK_FALSE(taken(shape_of(4, 4, 18, 16, 1, 1, 0)));
  CHECK_FALSE(taken(shape_of(4, 4, 16, 20, 1, 1, 0)));
}

}  // namespace
}  // namespace narrow::kernels::testing
