// The scalar reference against an independent formulation, and the proof that int32 is enough.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/convolution.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

constexpr std::int64_t kInt32Max = std::numeric_limits<std::int32_t>::max();

// acc [N, out_h, out_w, out_c] in int64, the other way round: every input pixel is added to the outputs that see it.
std::vector<std::int64_t> scatter(const ConvolutionCase& c) {
  const ConvolutionShape& s = c.shape;
  const auto pixels = static_cast<std::size_t>(c.rows() * s.out_w);
  std::vector<std::int64_t> acc;
  for (std::size_t i = 0; i < pixels; ++i) acc.insert(acc.end(), c.bias.begin(), c.bias.end());
  std::size_t at = 0;
  for (int n = 0; n < c.batch; ++n) {
    for (int y = 0; y < s.in_h; ++y) {
      for (int x = 0; x < s.in_w; ++x) {
        for (int ic = 0; ic < s.in_c; ++ic, ++at) {
          const int group = ic / s.group_in();
          for (int kh = 0; kh < s.kernel_h; ++kh) {
            for (int kw = 0; kw < s.kernel_w; ++kw) {
              const int top = y + s.pad.top - kh * s.dilation_h;
              const int left = x + s.pad.left - kw * s.dilation_w;
              if (top < 0 || left < 0 || top % s.stride_h != 0 || left % s.stride_w != 0) continue;
              if (top / s.stride_h >= s.out_h || left / s.stride_w >= s.out_w) continue;
              for (int oc = group * s.group_out(); oc < (group + 1) * s.group_out(); ++oc) {
                const int w = ((oc * s.kernel_h + kh) * s.kernel_w + kw) * s.group_in() + ic % s.group_in();
                const std::int64_t row = std::int64_t{n} * s.out_h + top / s.stride_h;
                const std::int64_t out = (row * s.out_w + left / s.stride_w) * s.out_c + oc;
                acc[static_cast<std::size_t>(out)] +=
                    std::int64_t{c.input[at] - c.input_zero_point} * c.weights[static_cast<std::size_t>(w)];
              }
            }
          }
        }
      }
    }
  }
  return acc;
}

// Half to even, from the definition.
double rounded(double x) {
  const double below = std::floor(x);
  const double fraction = x - below;
  if (fraction < 0.5) return below;
  if (fraction > 0.5) return below + 1;
  return std::fmod(below, 2.0) == 0.0 ? below : below + 1;
}

TEST_CASE("convolution reference: equals an independent formulation in 64 bits") {
  std::mt19937 random(narrow::testing::seed());
  for (int i = 0; i < 400; ++i) {
    const ConvolutionCase c = random_case(random);
    const std::vector<std::byte> output = run_kernel(*reference_kernel(), c, 0, c.rows(), 1);
    const std::vector<std::int64_t> acc = scatter(c);
    std::size_t wrong = 0;
    for (std::size_t k = 0; k < acc.size(); ++k) {
      const float product = static_cast<float>(acc[k]) * c.multiplier[k % c.multiplier.size()];
      if (c.output_type == OutputType::kFloat32) {
        float y = 0;
        std::memcpy(&y, output.data() + k * sizeof y, sizeof y);
        wrong += y != std::fmin(std::fmax(product, c.output_clamp.lo), c.output_clamp.hi) ? 1U : 0U;
      } else {
        float steps = product;
        if (c.output_type == OutputType::kResidualSum) {
          const ResidualSum& sum = c.residual_sum;
          const float own = product * sum.sum_multiplier;
          const float other = static_cast<float>(int{c.residual[k]} - sum.zero_point) * sum.multiplier;
          steps = own + other;
        }
        const double q = rounded(static_cast<double>(steps)) + c.output_zero_point;
        const double y = std::fmin(std::fmax(q, c.output_range.lo), c.output_range.hi);
        wrong += std::to_integer<int>(output[k]) != static_cast<int>(y) ? 1U : 0U;
      }
    }
    CHECK_MESSAGE(wrong == 0, wrong, " of ", acc.size(), " differ: ", c.text());
  }
}

TEST_CASE("convolution reference: rounds half to even and clamps whatever the product") {
  ConvolutionCase c = case_of(shape_of(1, 1, 1, 1, 1, 1, 0));
  c.weights = {1};
  const auto output = [&](int acc, float multiplier) {
    c.input = {0};
    c.bias = {acc};
    c.multiplier = {multiplier};
    return std::to_integer<int>(run_kernel(*reference_kernel(), c, 0, 1, 1)[0]);
  };
  CHECK(output(1, 0.5F) == 0);
  CHECK(output(3, 0.5F) == 2);
  CHECK(output(5, 0.5F) == 2);
  CHECK(output(7, 0.5F) == 4);
  c.output_zero_point = 100;
  CHECK(output(-1, 0.5F) == 100);
  CHECK(output(-3, 0.5F) == 98);
  CHECK(output(-5, 0.5F) == 98);
  CHECK(output(kInt32Max, std::numeric_limits<float>::max()) == 255);
  CHECK(output(-kInt32Max, std::numeric_limits<float>::max()) == 0);
  CHECK(output(0, std::numeric_limits<float>::max()) == 100);
  c.output_range = {7, 201};
  CHECK(output(-kInt32Max, 1.0F) == 7);
  CHECK(output(kInt32Max, 1.0F) == 201);
}

TEST_CASE("convolution: the accumulator is exact up to the last value of int32") {
  ConvolutionProblem p;
  p.shape = shape_of(1, 1, 1000, 2, 1, 1, 0);
  std::vector<std::int32_t> bias(2);
  p.bias = bias.data();
  // sum: 1000 * 127 * (255 + 255)
  p.input_range = {0, 255};
  p.input_zero_point = 255;
  p.weight_range = {-127, 127};
  const std::int64_t sum = 1000LL * 127 * 510;
  for (const std::size_t channel : {0U, 1U}) {
    bias = {0, 0};
    CHECK(accumulator_is_exact(p));
    bias[channel] = static_cast<std::int32_t>(kInt32Max - sum);
    CHECK(accumulator_is_exact(p));
    bias[channel] += 1;
    CHECK_FALSE(accumulator_is_exact(p));
    bias[channel] = static_cast<std::int32_t>(-(kInt32Max - sum));
    CHECK(accumulator_is_exact(p));
    bias[channel] -= 1;
    CHECK_FALSE(accumulator_is_exact(p));
    bias[channel] = std::numeric_limits<std::int32_t>::min();
    CHECK_FALSE(accumulator_is_exact(p));
  }
  bias = {0, 0};
  // -128 is larger than 127.
  p.input_zero_point = 0;
  p.input_range = {0, 1};
  p.weight_range = {-128, 127};
  p.shape.in_c = static_cast<int>(kInt32Max / 128);
  CHECK(accumulator_is_exact(p));
  p.shape.in_c += 1;
  CHECK_FALSE(accumulator_is_exact(p));
  // Only a group's channels count.
  p.shape.groups = 2;
  CHECK(accumulator_is_exact(p));
}

TEST_CASE("convolution: a depth beyond 64 bits is not exact either") {
  ConvolutionProblem p;
  const std::int32_t bias = 0;
  p.bias = &bias;
  p.shape.in_c = p.shape.kernel_h = p.shape.kernel_w = std::numeric_limits<int>::max();
  p.shape.out_c = 1;
  p.input_range = {0, 255};
  p.weight_range = {-128, 127};
  CHECK_FALSE(accumulator_is_exact(p));
  p.weight_range = {-1, 1};
  p.input_range = {0, 1};
  CHECK_FALSE(accumulator_is_exact(p));
}

TEST_CASE("convolution: the deepest exact sums do not wrap") {
  // As many channels as full ranges allow, all at the same end.
  const int depth = static_cast<int>(kInt32Max / (128 * 255));
  ConvolutionCase c = case_of(shape_of(1, 1, depth, 3, 1, 1, 0));
  c.output_type = OutputType::kFloat32;
  std::mt19937 random(1);
  for (const Fill weights : {Fill::kLowest, Fill::kHighest}) {
    c.fill(random, Fill::kHighest, weights);
    c.bias.assign(3, 0);
    c.multiplier.assign(3, 1.0F);
    CHECK(accumulator_is_exact(c.problem()));
    check_against_reference(c);
    const std::vector<std::byte> output = run_kernel(*reference_kernel(), c, 0, 1, 1);
    float y = 0;
    std::memcpy(&y, output.data(), sizeof y);
    CHECK(y == static_cast<float>(std::int64_t{depth} * 255 * (weights == Fill::kLowest ? -128 : 127)));
  }
}

}  // namespace
}  // namespace narrow::kernels::testing
