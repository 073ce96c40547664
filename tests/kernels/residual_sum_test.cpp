// Residual sums of convolutions: what is particular to them. convolution_test.cpp holds them against the reference
// together with the other outputs.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

// The windows of the blocks of ResNets and MobileNets, with channels that fill panels and that do not.
std::vector<ConvolutionShape> block_shapes() {
  return {
      shape_of(8, 8, 64, 64, 3, 1, 1),  shape_of(7, 7, 32, 17, 3, 1, 1),    shape_of(5, 6, 16, 40, 3, 1, 1),
      shape_of(9, 9, 24, 8, 1, 1, 0),   shape_of(5, 9, 96, 24, 1, 1, 0),    shape_of(6, 7, 64, 256, 1, 1, 0),
      shape_of(9, 9, 16, 32, 1, 2, 0),  shape_of(6, 6, 32, 64, 3, 1, 1, 8), shape_of(11, 11, 7, 5, 3, 1, 2, 1, 2),
      shape_of(30, 30, 3, 24, 7, 2, 3), shape_of(1, 1, 64, 13, 1, 1, 0),    shape_of(4, 4, 48, 48, 3, 1, 1, 48),
  };
}

TEST_CASE("residual sum: the reference computes the formula of the documents") {
  ConvolutionCase c = case_of(shape_of(1, 1, 1, 1, 1, 1, 0));
  c.output_type = OutputType::kResidualSum;
  c.weights = {1};
  c.multiplier = {0.5F};
  c.residual_sum = {.sum_multiplier = 0.25F, .multiplier = 0.75F, .zero_point = 10};
  c.output_zero_point = 100;
  const auto sum = [&](int acc, int residual) {
    c.input = {0};
    c.bias = {acc};
    c.residual = {static_cast<std::uint8_t>(residual)};
    return std::to_integer<int>(run_kernel(*reference_kernel(), c, 0, 1, 1)[0]);
  };
  CHECK(sum(8, 14) == 104);          // 1 + 3
  CHECK(sum(-8, 14) == 102);         // -1 + 3
  CHECK(sum(4, 10) == 100);          // 0.5 is a tie
  CHECK(sum(12, 10) == 102);         // 1.5 is one, too
  CHECK(sum(-4, 10) == 100);         // -0.5
  CHECK(sum(2, 13) == 102);          // 0.25 + 2.25 = 2.5: rounded once; 0 + 2 if each were rounded
  CHECK(sum(3, 13) == 103);          // 0.375 + 2.25 = 2.625: 3, and not 0 + 2
  CHECK(sum(1 << 30, 0) == 255);     // above the range
  CHECK(sum(-(1 << 30), 255) == 0);  // below it
  CHECK(sum(1241, 10) == 255);       // 155.125: the last that is not above it
  c.output_range = {90, 103};
  CHECK(sum(8, 14) == 103);
  CHECK(sum(-80, 0) == 90);
}

TEST_CASE("residual sum: kernels equal the reference at all corners of the ranges") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const ConvolutionShape& shape : block_shapes()) {
    for (const std::int32_t zero_point : {0, 128, 255}) {
      for (const Fill inputs : {Fill::kLowest, Fill::kHighest, Fill::kExtremes, Fill::kRandom}) {
        for (const QRange& weights : {QRange{-128, 127}, QRange{-7, 7}, QRange{-1, 1}}) {
          ConvolutionCase c = case_of(shape);
          c.batch = 2;
          c.input_range = weights.hi < 8 ? QRange{0, 15} : QRange{0, 255};
          c.input_zero_point = weights.hi < 8 ? zero_point / 17 : zero_point;
          c.weight_range = weights;
          c.output_zero_point = 255 - zero_point;
          c.output_type = OutputType::kResidualSum;
          c.fill(random, inputs, Fill::kExtremes);
          c.residual_sum.zero_point = zero_point;
          CHECK(check_against_reference(c) > 0);
          c.output_range = {c.output_zero_point == 0 ? 0 : 3, c.output_zero_point == 255 ? 255 : 200};
          if (!c.output_range.contains(c.output_zero_point)) continue;
          CHECK(check_against_reference(c) > 0);
        }
      }
    }
  }
}

TEST_CASE("residual sum: huge multipliers of either tensor clamp at the right end") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  constexpr float kMost = 0x1p96F;  // what graph::validate allows
  for (const ConvolutionShape& shape : {shape_of(3, 3, 32, 33, 3, 1, 1), shape_of(4, 4, 32, 40, 1, 1, 0)}) {
    for (const float multiplier : {kMost, 1.0F, 0x1p-126F}) {
      for (const float own : {kMost, 1.0F, 0x1p-126F}) {
        for (const float other : {kMost, 1.0F, 0x1p-126F}) {
          for (const std::int32_t bias : {-(1 << 30), 0, 1 << 30}) {
            ConvolutionCase c = case_of(shape);
            c.weight_range = {-7, 7};
            c.output_zero_point = 3;
            c.output_range = {3, 14};
            c.output_type = OutputType::kResidualSum;
            c.fill(random, Fill::kExtremes, Fill::kRandom);
            std::fill(c.multiplier.begin(), c.multiplier.end(), multiplier);
            std::fill(c.bias.begin(), c.bias.end(), bias);
            c.residual_sum = {own, other, 128};
            CHECK(check_against_reference(c) > 0);
          }
        }
      }
    }
  }
}

TEST_CASE("residual sum: sums halfway between integers round to even") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const ConvolutionShape& shape : {shape_of(4, 64, 4, 24, 1, 1, 0), shape_of(9, 9, 16, 16, 3, 1, 1)}) {
    ConvolutionCase c = case_of(shape);
    c.output_type = OutputType::kResidualSum;
    c.output_zero_point = 120;
    c.input_range = {0, 3};
    c.weight_range = {-1, 1};
    c.fill(random, Fill::kRandom, Fill::kRandom);
    std::fill(c.multiplier.begin(), c.multiplier.end(), 0.5F);
    for (std::size_t i = 0; i < c.bias.size(); ++i) c.bias[i] = static_cast<std::int32_t>(i);
    c.residual_sum = {.sum_multiplier = 1.0F, .multiplier = 0.5F, .zero_point = 117};
    CHECK(check_against_reference(c) > 0);
  }
}

TEST_CASE("residual sum: kernels with one filter per channel refuse it and say why") {
  for (const ConvolutionKernel* kernel : runnable_kernels()) {
    if (std::string(kernel->name).find("depthwise") == std::string::npos) continue;
    ConvolutionCase c = case_of(shape_of(8, 8, 16, 16, 3, 1, 1, 16));
    std::mt19937 random(1);
    c.weight_range = {-7, 7};
    c.input_range = {0, 15};
    c.fill(random, Fill::kRandom, Fill::kRandom);
    CHECK_MESSAGE(kernel_accepts(*kernel, c.problem()), kernel->name);
    c.output_type = OutputType::kResidualSum;
    const ConvolutionCandidate answer = ask(*kernel, c.problem());
    REQUIRE_MESSAGE(!answer.accepts(), kernel->name);
    CHECK_MESSAGE(std::string(answer.offer.refusal.why) == "its output is a residual sum", kernel->name);
  }
}

TEST_CASE("residual sum: the kernels of the blocks of networks accept what they accept without one") {
  NARROW_NEED_KERNELS();
  std::mt19937 random(narrow::testing::seed());
  for (const ConvolutionShape& shape : block_shapes()) {
    if (shape.depthwise()) continue;
    for (const int bits : {2, 4, 6, 8}) {
      ConvolutionCase c = case_of(shape);
      c.input_range = QRange::activations(bits);
      c.weight_range = QRange::weights(bits);
      c.fill(random, Fill::kRandom, Fill::kRandom);
      for (const ConvolutionKernel* kernel : runnable_kernels()) {
        c.output_type = OutputType::kUint8;
        const bool before = kernel_accepts(*kernel, c.problem());
        c.output_type = OutputType::kResidualSum;
        CHECK_MESSAGE(kernel_accepts(*kernel, c.problem()) == before, kernel->name, " ", c.text());
      }
    }
  }
}

}  // namespace
}  // namespace narrow::kernels::testing
