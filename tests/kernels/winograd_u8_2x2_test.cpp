// Winograd's convolution in bytes: exact for weights of up to 4 bits and activations of up to 6, for every size,
// padding and number of channels.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

constexpr const char* kName = "winograd_u8_2x2_avx2";

bool accepts(const ConvolutionCase& c) { return kernel_accepts(kName, c); }

TEST_CASE("winograd in bytes: outputs are exact at all corners of the ranges") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const int channels : {1, 3, 15, 16, 33, 64, 114}) {
    for (const std::int32_t zero_point : {0, 31, 63}) {
      for (const Fill inputs : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
        for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
          ConvolutionCase c = case_of(shape_of(9, 6, channels, 81, 3, 1, 1));
          c.input_range = QRange::activations(6);
          c.input_zero_point = zero_point;
          c.weight_range = {-7, 7};
          c.fill(random, inputs, weights);
          CHECK(accepts(c));
          CHECK(check_against_reference(c) > 0);
          c.weight_range = {-14, 14};  // for kernels that add in 32 bits
          c.fill(random, inputs, weights);
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

TEST_CASE("winograd in bytes: few bits up to the most that it accepts are exact in random data") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (int weights = 2; weights <= 4; ++weights) {
    for (int activations = 2; activations <= 6; ++activations) {
      ConvolutionCase c = case_of(shape_of(14, 14, 64, 40, 3, 1, 1));
      c.batch = 2;
      c.input_range = QRange::activations(activations);
      c.input_zero_point = activations;
      c.weight_range = QRange::weights(weights);
      c.fill(random, Fill::kRandom, Fill::kRandom);
      CHECK(accepts(c));
      CHECK(check_against_reference(c) > 0);
    }
  }
}

TEST_CASE("winograd in bytes: every size and padding and number of channels is exact") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 2);
  for (const int height : {1, 2, 3, 5, 8}) {
    for (const int width : {1, 2, 3, 7, 30, 101}) {
      for (const int pad : {0, 1, 2, 5}) {
        if (height + 2 * pad < 3 || width + 2 * pad < 3) continue;
        const int in_c = 1 + static_cast<int>(random() % 70);
        const int out_c = 1 + static_cast<int>(random() % 140);
        ConvolutionCase c = case_of(shape_of(height, width, in_c, out_c, 3, 1, pad));
        c.shape.pad.bottom += static_cast<int>(random() % 2);  // sides that differ
        c.shape = with_output(c.shape);
        c.batch = 3;
        c.input_range = QRange::activations(6);
        c.input_zero_point = static_cast<std::int32_t>(random() % 64);
        c.weight_range = QRange::weights(4);
        c.output_type = std::array{OutputType::kUint8, OutputType::kFloat32, OutputType::kResidualSum}[random() % 3];
        c.fill(random, Fill::kExtremes, Fill::kRandom);
        CHECK(accepts(c));
        CHECK(check_against_reference(c) > 0);
      }
    }
  }
}

TEST_CASE("winograd in bytes: layers of many tiles and of many channels are exact") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 3);
  for (const auto& [size, channels] : {std::pair{57, 64}, {7, 512}, {3, 1030}}) {
    // Weights that rest in 2, 4 and 8 bits.
    for (const QRange& weights : {QRange::weights(2), QRange::weights(4), QRange{-8, 7}, QRange{-14, 14}}) {
      ConvolutionCase c = case_of(shape_of(size, size, channels, 90, 3, 1, 1));
      c.input_range = QRange::activations(4);
      c.weight_range = weights;
      c.fill(random, Fill::kHighest, Fill::kExtremes);
      CHECK(accepts(c));
      CHECK(check_against_reference(c) > 0);
    }
  }
}

TEST_CASE("winograd in bytes: one bit more in weights or activations is refused") {
  std::mt19937 random(1);
  const auto taken = [&](const ConvolutionShape& shape, const QRange& input, std::int32_t zero_point,
                         const QRange& weights) {
    ConvolutionCase c = case_of(shape);
    c.input_range = input;
    c.input_zero_point = zero_point;
    c.weight_range = weights;
    c.fill(random, Fill::kRandom, Fill::kRandom);
    return accepts(c);
  };
  const ConvolutionShape shape = shape_of(8, 8, 16, 16, 3, 1, 1);
  CHECK(taken(shape, {0, 63}, 0, {-7, 7}));
  CHECK(taken(shape, {0, 32}, 0, {-14, 14}));
  CHECK_FALSE(taken(shape, {0, 64}, 0, {-7, 7}));
  CHECK_FALSE(taken(shape, {0, 33}, 0, {-14, 14}));  // two products would saturate
  CHECK_FALSE(taken(shape, {0, 63}, 64, {-7, 7}));   // the padding counts
  CHECK_FALSE(taken(shape, {0, 15}, 0, {-15, 14}));
  CHECK_FALSE(taken(shape, {0, 15}, 0, {-14, 15}));
  CHECK_FALSE(taken(shape_of(8, 8, 16, 16, 3, 2, 1), {0, 63}, 0, {-7, 7}));
  CHECK_FALSE(taken(shape_of(8, 8, 16, 16, 3, 1, 1, 2), {0, 63}, 0, {-7, 7}));
  CHECK_FALSE(taken(shape_of(8, 8, 16, 16, 3, 1, 2, 1, 2), {0, 63}, 0, {-7, 7}));
  CHECK_FALSE(taken(shape_of(8, 8, 16, 16, 1, 1, 0), {0, 63}, 0, {-7, 7}));
}

}  // namespace
}  // namespace narrow::kernels::testing
