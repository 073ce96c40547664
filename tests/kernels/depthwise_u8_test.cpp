// One filter per channel on AVX2, with sums of 16 bits: which layers the kernel accepts, and that it is exact there.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <random>

#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

// A bias of `sum` once -zero_point * sum(w) is in it.
void set_folded_bias(ConvolutionCase& c, std::int32_t sum) {
  const ConvolutionProblem problem = c.problem();
  for (std::size_t i = 0; i < c.bias.size(); ++i) {
    c.bias[i] = sum + c.input_zero_point * static_cast<std::int32_t>(problem.sums[i].total());
  }
}

TEST_CASE("depthwise: sums in 16 bits reach both ends of int16 and are exact there") {
  NARROW_NEED_KERNELS();
  const ConvolutionKernel& bytes = *kernel_named("depthwise_u8_avx2");
  std::mt19937 random(narrow::testing::seed() + 3);
  for (const int channels : {1, 15, 16, 17, 40}) {
    ConvolutionCase c = case_of(shape_of(9, 11, channels, channels, 3, 1, 1, channels));
    c.input_zero_point = 7;
    c.fill(random, Fill::kHighest, Fill::kExtremes);
    // 255 * 128 is the last multiple of 255 in int16, and 255 * -128 the first.
    for (std::size_t i = 0; i < c.weights.size(); ++i) c.weights[i] = static_cast<std::int8_t>(i % 9 == 8 ? 0 : 16);
    set_folded_bias(c, INT16_MAX - 255 * 128);
    CHECK(kernel_accepts(bytes, c.problem()));
    CHECK(check_against_reference(c) > 0);
    set_folded_bias(c, INT16_MAX - 255 * 128 + 1);
    CHECK_FALSE(kernel_accepts(bytes, c.problem()));
    CHECK(check_against_reference(c) > 0);
    set_folded_bias(c, INT16_MIN);
    CHECK(kernel_accepts(bytes, c.problem()));
    CHECK(check_against_reference(c) > 0);
    for (std::int8_t& w : c.weights) w = static_cast<std::int8_t>(-w);
    set_folded_bias(c, INT16_MIN + 255 * 128);
    CHECK(kernel_accepts(bytes, c.problem()));
    CHECK(check_against_reference(c) > 0);
    set_folded_bias(c, INT16_MIN + 255 * 128 - 1);
    CHECK_FALSE(kernel_accepts(bytes, c.problem()));
    CHECK(check_against_reference(c) > 0);
    for (const int beyond : {1, -1}) {
      for (std::size_t i = 0; i < 9; ++i) c.weights[i] = static_cast<std::int8_t>(i % 9 == 8 ? beyond : 16 * beyond);
      set_folded_bias(c, 0);
      CHECK_FALSE(kernel_accepts(bytes, c.problem()));
    }
    // Positive and negative products may meet in any order, but each kind alone stays within.
    for (std::size_t i = 0; i < c.weights.size(); ++i)
      c.weights[i] = static_cast<std::int8_t>(i % 9 % 2 == 0 ? 25 : -32);
    set_folded_bias(c, INT16_MIN + 255 * 128);
    CHECK(kernel_accepts(bytes, c.problem()));
    CHECK(check_against_reference(c) > 0);
  }
}

TEST_CASE("depthwise: a bias beyond int16 is added as a float where int16 holds the products") {
  NARROW_NEED_KERNELS();
  const ConvolutionKernel& bytes = *kernel_named("depthwise_u8_avx2");
  const ConvolutionKernel& wide = *kernel_named("depthwise_u8_wide_bias_avx2");
  std::mt19937 random(narrow::testing::seed() + 5);
  for (const int channels : {1, 15, 16, 17, 32, 40, 48}) {
    for (const int width : {3, 7, 11, 16}) {
      ConvolutionCase c = case_of(shape_of(9, width, channels, channels, 3, 1, 1, channels));
      c.output_type = width == 11 ? OutputType::kFloat32 : OutputType::kUint8;
      c.input_zero_point = 7;
      for (const int sign : {1, -1}) {
        c.fill(random, Fill::kHighest, Fill::kExtremes);
        // 255 * 128 is the last multiple of 255 in int16, and 255 * -128 the first.
        for (std::size_t i = 0; i < c.weights.size(); ++i) {
          c.weights[i] = static_cast<std::int8_t>(sign * (i % 9 == 8 ? 0 : 16));
        }
        // Behind these no float holds every sum with the products.
        constexpr std::int32_t kMost = (1 << 24) - (1 << 15);
        for (const std::int32_t bias : {0, INT16_MAX, INT16_MIN, 1 << 20, -(1 << 20), kMost, -kMost, kMost + 1,
                                        -kMost - 1, (1 << 24) + 1, INT32_MAX - 70000, INT32_MIN + 70000}) {
          set_folded_bias(c, bias);
          CHECK(kernel_accepts(wide, c.problem()) == (bias >= -kMost && bias <= kMost));
          CHECK(kernel_accepts(bytes, c.problem()) ==
                (bias == 0 || bias == (sign > 0 ? int{INT16_MIN} : int{INT16_MAX})));
          CHECK(check_against_reference(c) > 0);
        }
        for (std::size_t i = 8; i < c.weights.size(); i += 9) c.weights[i] = static_cast<std::int8_t>(sign);
        CHECK_FALSE(kernel_accepts(wide, c.problem()));
      }
      // Products with the multiplier are int32.
      c.fill(random, Fill::kExtremes, Fill::kExtremes);
      for (std::size_t i = 0; i < c.weights.size(); ++i)
        c.weights[i] = static_cast<std::int8_t>(i % 9 % 2 == 0 ? 25 : -32);
      for (const float factor : {127.0F, 0x1p-100F, 127.5F, 0x1p-101F}) {
        set_folded_bias(c, factor > 1 ? (1 << 24) - (1 << 15) : -(1 << 24) + (1 << 15));
        for (float& multiplier : c.multiplier) multiplier = factor;
        CHECK(kernel_accepts(wide, c.problem()) == (factor == 127.0F || factor == 0x1p-100F));
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
}

TEST_CASE("depthwise: few bits in any window, stride and padding are added in 16 bits") {
  NARROW_NEED_KERNELS();
  const ConvolutionKernel& bytes = *kernel_named("depthwise_u8_avx2");
  std::mt19937 random(narrow::testing::seed() + 4);
  for (const int kernel : {1, 2, 3, 5, 7}) {
    for (int stride = 1; stride <= 3; ++stride) {
      for (const int width : {1, 7, 8, 9, 17}) {
        ConvolutionCase c = case_of(shape_of(8, width, 35, 35, kernel, stride, kernel - 1, 35));
        c.batch = 2;
        c.input_range = QRange::activations(4);
        c.input_zero_point = 9;
        c.weight_range = QRange::weights(4);
        c.output_type = width % 2 == 0 ? OutputType::kFloat32 : OutputType::kUint8;
        c.fill(random, Fill::kExtremes, Fill::kExtremes);
        CHECK(kernel_accepts(bytes, c.problem()));
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
}

}  // namespace
}  // namespace narrow::kernels::testing
