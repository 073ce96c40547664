// Winograd's convolution: exact wherever its proof from the weights holds, for every size, padding and number of
// channels.
#include <doctest/doctest.h>

#include <string>

#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

constexpr const char* kName = "winograd_s16_4x4_avx2";

bool accepts(const ConvolutionCase& c) { return kernel_accepts(kName, c); }

TEST_CASE("winograd: outputs are exact at all corners of the ranges") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const int channels : {1, 15, 16, 17, 64, 114}) {
    for (const std::int32_t zero_point : {0, 128, 255}) {
      for (const Fill inputs : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
        for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
          ConvolutionCase c = case_of(shape_of(9, 6, channels, 17, 3, 1, 1));
          c.input_zero_point = zero_point;
          c.weight_range = {-127, 127};
          c.output_zero_point = 255 - zero_point;
          c.fill(random, inputs, weights);
          REQUIRE(accepts(c));
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

// 2^25 = 33554432: with x up to 255 and weights of 127, 1036 of them stay below and 1037 do not.
TEST_CASE("winograd: sums up to the limit of the proof are exact and larger ones are refused") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (const int sign : {1, -1}) {
    ConvolutionCase c = case_of(shape_of(4, 4, 116, 16, 3, 1, 1));
    c.weight_range = {-127, 127};
    c.fill(random, Fill::kHighest, Fill::kHighest);
    const std::size_t depth = static_cast<std::size_t>(c.shape.depth());
    for (std::int8_t& w : c.weights) w = 0;
    const std::size_t filter = 11 * depth;
    for (std::size_t k = 0; k < 1036; ++k) c.weights[filter + k] = static_cast<std::int8_t>(127 * sign);
    c.weights[filter + 1036] = static_cast<std::int8_t>(14 * sign);
    CHECK(accepts(c));
    CHECK(check_against_reference(c) > 0);
    c.weights[filter + 1036] = static_cast<std::int8_t>(15 * sign);
    CHECK_FALSE(accepts(c));
    // The same weights are fine where inputs are smaller.
    c.input_range = {0, 254};
    for (std::uint8_t& x : c.input) x = 254;
    CHECK(accepts(c));
    CHECK(check_against_reference(c) > 0);
  }
}

// 512 channels that agree: transformed inputs of 10,000 times transformed weights of 1,000 leave int32 by far, while
// outputs stay within the limit.
TEST_CASE("winograd: sums that wrap on the way are exact") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 2);
  ConvolutionCase c = case_of(shape_of(6, 6, 512, 16, 3, 1, 1));
  c.weight_range = {-51, 51};
  c.fill(random, Fill::kHighest, Fill::kHighest);
  for (std::size_t k = 0; k < c.weights.size(); ++k) c.weights[k] = (k / 512) % 9 % 2 == 0 ? 51 : -51;
  for (std::size_t pixel = 0; pixel < 36; ++pixel) {
    const std::uint8_t x = random() % 2 == 0 ? 255 : 0;
    for (std::size_t k = 0; k < 512; ++k) c.input[pixel * 512 + k] = x;
  }
  REQUIRE(accepts(c));
  CHECK(check_against_reference(c) > 0);
}

TEST_CASE("winograd: every size and padding and number of channels is exact") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 3);
  const auto upto = [&](int lo, int hi) { return std::uniform_int_distribution<int>(lo, hi)(random); };
  int ran = 0;
  for (int i = 0; i < 300; ++i) {
    ConvolutionShape s = shape_of(upto(1, 14), upto(1, 14), upto(1, 33), upto(1, 33), 3, 1, 1);
    s.pad = {upto(0, 2), upto(0, 2), upto(0, 2), upto(0, 2)};
    if (s.in_h + s.pad.top + s.pad.bottom < 3 || s.in_w + s.pad.left + s.pad.right < 3) continue;
    ConvolutionCase c = case_of(with_output(s));
    c.batch = upto(1, 3);
    c.input_range = QRange::activations(upto(2, 8));
    c.input_zero_point = upto(0, c.input_range.hi);
    c.weight_range = upto(0, 3) == 0 ? QRange{-128, 127} : QRange::weights(upto(2, 8));
    c.output_range = QRange::activations(upto(2, 8));
    c.output_zero_point = upto(0, c.output_range.hi);
    const int type = upto(0, 3);
    if (type < 2) c.output_type = type == 0 ? OutputType::kFloat32 : OutputType::kResidualSum;
    c.fill(random, upto(0, 1) == 0 ? Fill::kRandom : Fill::kExtremes,
           upto(0, 1) == 0 ? Fill::kRandom : Fill::kExtremes);
    if (!accepts(c)) continue;
    ++ran;
    CHECK(check_against_reference(c) > 0);
  }
  CHECK(ran > 200);
}

// Blocks of many tiles, and panels that hold weights as bytes, which each block transforms.
TEST_CASE("winograd: layers of many tiles and of many channels are exact") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 4);
  for (const ConvolutionShape& shape : {shape_of(57, 61, 16, 16, 3, 1, 1), shape_of(33, 30, 64, 48, 3, 1, 1),
                                        shape_of(14, 14, 256, 256, 3, 1, 1), shape_of(7, 7, 512, 128, 3, 1, 1)}) {
    ConvolutionCase c = case_of(shape);
    c.input_zero_point = 7;
    c.weight_range = {-60, 60};
    c.fill(random, Fill::kRandom, Fill::kRandom);
    REQUIRE(accepts(c));
    CHECK(check_against_reference(c) > 0);
  }
}

TEST_CASE("winograd: only 3x3 windows of stride 1 without groups or dilation are taken") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 5);
  for (const ConvolutionShape& shape :
       {shape_of(8, 8, 16, 16, 3, 2, 1), shape_of(8, 8, 16, 16, 3, 1, 1, 2), shape_of(8, 8, 16, 16, 3, 1, 1, 1, 2),
        shape_of(8, 8, 16, 16, 1, 1, 0), shape_of(8, 8, 16, 16, 5, 1, 2), shape_of(8, 8, 16, 16, 3, 1, 1, 16)}) {
    ConvolutionCase c = case_of(shape);
    c.weight_range = {-7, 7};
    c.fill(random, Fill::kRandom, Fill::kRandom);
    CHECK_FALSE(accepts(c));
  }
  ConvolutionCase c = case_of(shape_of(14, 14, 64, 64, 3, 1, 1));
  c.weight_range = {-127, 127};
  c.fill(random, Fill::kRandom, Fill::kRandom);
  CHECK(std::string(chosen_kernel(c.problem(), Isa::kAvx2)->name) == kName);
}

}  // namespace
}  // namespace narrow::kernels::testing
