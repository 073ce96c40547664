// AVX-VNNI's kernels on CPUs that have only AVX512-VNNI: the same source, compiled with the EVEX encoding.
#include <doctest/doctest.h>

#include <random>

#include "kernels/convolution.h"
#include "kernels/cpu_features.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::avxvnni_evex {
extern const ConvolutionKernel kConvolutionU8;
extern const ConvolutionKernel kPointwiseU8;
extern const ConvolutionKernel kWinogradU8;
}  // namespace narrow::kernels::avxvnni_evex

namespace narrow::kernels::testing {
namespace {

#define NEED_AVX512VNNI()                                              \
  if (!cpu_features().has(required_features(Isa::kAvx512Vnni).bits)) { \
    NARROW_SKIP("this CPU has no vpdpbusd with the EVEX encoding");    \
  }

bool equals_reference(const ConvolutionKernel& kernel, const ConvolutionCase& c) {
  INFO(c.text());
  REQUIRE(kernel_accepts(kernel, c.problem()));
  const int cuts = 2;
  return run_kernel(kernel, c, 0, c.rows(), cuts) == run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
}

TEST_CASE("avxvnni: its 1x1 convolution is exact with the other encoding of its instruction") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed());
  for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
    for (const int out_c : {8, 16, 24, 40, 96}) {
      ConvolutionCase c = case_of(shape_of(9, 7, 20, out_c, 1, 1, 0));
      c.output_zero_point = out_c;
      c.fill(random, Fill::kExtremes, weights);
      CHECK(equals_reference(avxvnni_evex::kPointwiseU8, c));
    }
  }
}

TEST_CASE("avxvnni: its convolution is exact with the other encoding of its instruction") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed());
  for (const Fill inputs : {Fill::kHighest, Fill::kExtremes}) {
    for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
      ConvolutionCase c = case_of(shape_of(9, 7, 33, 49, 3, 1, 1));
      c.fill(random, inputs, weights);
      CHECK(equals_reference(avxvnni_evex::kConvolutionU8, c));
    }
  }
  // A large layer of one pixel, whose weights are widened in registers.
  for (const QRange& range : {QRange{-8, 7}, QRange{-15, 0}, QRange{-2, 1}}) {
    for (const int out_c : {129, 144}) {
      ConvolutionCase c = case_of(shape_of(1, 1, 8200, out_c, 1, 1, 0));
      c.weight_range = range;
      c.batch = 2;
      c.fill(random, Fill::kRandom, Fill::kRandom);
      CHECK(equals_reference(avxvnni_evex::kConvolutionU8, c));
    }
  }
  for (int i = 0; i < 150; ++i) {
    const ConvolutionCase c = random_case(random);
    if (kernel_accepts(avxvnni_evex::kConvolutionU8, c.problem()))
      CHECK(equals_reference(avxvnni_evex::kConvolutionU8, c));
  }
}

TEST_CASE("avxvnni: its winograd in bytes is exact with the other encoding of its instruction") {
  NEED_AVX512VNNI();
  std::mt19937 random(narrow::testing::seed() + 1);
  for (const int channels : {1, 16, 33, 64}) {
    for (const Fill inputs : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
      for (const Fill weights : {Fill::kLowest, Fill::kHighest, Fill::kExtremes}) {
        ConvolutionCase c = case_of(shape_of(9, 14, channels, 41, 3, 1, 1));
        c.input_range = QRange::activations(6);
        c.input_zero_point = channels % 64;
        c.weight_range = {-14, 14};  // more than vpmaddubsw could add
        c.fill(random, inputs, weights);
        CHECK(equals_reference(avxvnni_evex::kWinogradU8, c));
      }
    }
  }
}

}  // namespace
}  // namespace narrow::kernels::testing
