// Winograd's convolution of stride 2 for the large windows of first layers: exact wherever it accepts.
#include <doctest/doctest.h>

#include <string>

#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

const std::string kName = "winograd_s16_3x3_avx2";

bool accepts(const ConvolutionCase& c) { return kernel_accepts(kName, c); }

ConvolutionCase windows_of(int height, int width, int channels, int outputs) {
  ConvolutionShape shape = shape_of(height, width, channels, outputs, 7, 2, 3);
  return case_of(with_output(shape));
}

TEST_CASE("winograd of stride 2: outputs are exact at all corners of the ranges") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (int channels = 1; channels <= 4; ++channels) {
    for (const std::int32_t zero_point : {0, 128, 255}) {
      for (const Fill inputs : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
        for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
          ConvolutionCase c = windows_of(17, 13, channels, 17);
          c.input_zero_point = zero_point;
          c.weight_range = {-128, 127};
          c.output_zero_point = 255 - zero_point;
          c.fill(random, inputs, weights);
          CAPTURE(c.text());
          REQUIRE(accepts(c));
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

TEST_CASE("winograd of stride 2: every size, window and padding is exact") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 1);
  int ran = 0;
  for (int width = 1; width <= 40; ++width) {
    ConvolutionShape shape = shape_of(40, 40, 1 + width % 4, 1 + 5 * width % 37, 7, 2, 3);
    shape.kernel_h = 5 + width % 4;
    shape.kernel_w = 5 + width / 2 % 4;
    shape.in_h = 5 + width % 17;
    shape.in_w = width;
    shape.pad = {width % 5, 4 - width % 3, width / 3 % 5, 7};  // one side's differs from the other's
    ConvolutionCase c = case_of(with_output(shape));
    c.batch = 1 + width % 3;
    c.input_zero_point = 6 * width;
    c.input_range = QRange::activations(2 + width % 7);
    c.output_type = width % 6 == 0   ? OutputType::kFloat32
                    : width % 4 == 0 ? OutputType::kResidualSum
                                     : OutputType::kUint8;
    c.fill(random, Fill::kRandom, width % 2 == 0 ? Fill::kRandom : Fill::kExtremes);
    CAPTURE(c.text());
    ran += accepts(c) ? 1 : 0;
    CHECK(check_against_reference(c) > 0);
  }
  CHECK(ran > 30);
}

TEST_CASE("winograd of stride 2: several blocks of tiles are exact") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed() + 2);
  ConvolutionCase c = windows_of(20, 420, 3, 40);
  c.input_zero_point = 121;
  c.fill(random, Fill::kRandom, Fill::kRandom);
  REQUIRE(accepts(c));
  CHECK(check_against_reference(c) > 0);
}

TEST_CASE("winograd of stride 2: other windows, strides, dilations, groups and many channels are refused") {
  NARROW_NEED_KERNELS();
  const ConvolutionCase taken = windows_of(20, 20, 3, 16);
  const auto refused = [&](auto change) {
    ConvolutionShape shape = taken.shape;
    change(shape);
    std::mt19937 random(1);
    ConvolutionCase c = case_of(with_output(shape));
    c.fill(random, Fill::kLowest, Fill::kRandom);
    return !accepts(c);
  };
  CHECK_FALSE(refused([](ConvolutionShape&) {}));
  CHECK(refused([](ConvolutionShape& s) { s.kernel_h = 9; }));
  CHECK(refused([](ConvolutionShape& s) { s.kernel_w = 4; }));
  CHECK(refused([](ConvolutionShape& s) { s.stride_h = 1; }));
  CHECK(refused([](ConvolutionShape& s) { s.stride_w = 3; }));
  CHECK(refused([](ConvolutionShape& s) { s.dilation_w = 2; }));
  CHECK(refused([](ConvolutionShape& s) { s.in_c = 5; }));
  CHECK(refused([](ConvolutionShape& s) {
    s.in_c = 2;
    s.groups = 2;
  }));
}

TEST_CASE("winograd of stride 2: it is what the first layer of a ResNet is computed with on AVX2") {
  std::mt19937 random(narrow::testing::seed() + 3);
  ConvolutionCase c = windows_of(224, 224, 3, 64);
  c.fill(random, Fill::kLowest, Fill::kRandom);
  CHECK(chosen_kernel(c.problem(), Isa::kAvx2)->name == kName);
}

}  // namespace
}  // namespace narrow::kernels::testing
