// The float convolution gives the same bits on every ISA, because the order of its additions is part of the contract.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/cpu_features.h"
#include "kernels/isa_table.h"
#include "tests/kernels/convolution_cases.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/data.h"

namespace narrow::kernels::testing {
namespace {

struct FloatCase {
  ConvolutionShape shape;
  int batch = 1;
  Clamp clamp;
  std::vector<float> input, weights, bias;

  [[nodiscard]] ConvolutionF32Problem problem() const { return {shape, weights.data(), bias.data(), clamp}; }
  [[nodiscard]] std::int64_t rows() const { return std::int64_t{batch} * shape.out_h; }
  [[nodiscard]] std::size_t row_elems() const {
    return static_cast<std::size_t>(std::int64_t{shape.out_w} * shape.out_c);
  }
};

FloatCase float_case(const ConvolutionShape& shape, int batch, std::mt19937& random) {
  FloatCase c;
  c.shape = shape;
  c.batch = batch;
  // Magnitudes far apart, so that another order or a fused multiply-add gives other bits.
  std::normal_distribution<float> bell(0.0F, 1.0F);
  const auto some = [&](std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = bell(random) * (random() % 4 == 0 ? 1000.0F : 0.01F);
    return values;
  };
  c.input = some(static_cast<std::size_t>(std::int64_t{batch} * shape.in_h * shape.in_w * shape.in_c));
  c.weights = some(static_cast<std::size_t>(shape.out_c * shape.depth()));
  c.bias = some(static_cast<std::size_t>(shape.out_c));
  return c;
}

std::vector<float> run_float(const ConvolutionF32Kernel& kernel, const FloatCase& c, int cuts) {
  const ConvolutionF32Problem problem = c.problem();
  AlignedBytes packed(kernel.packed_bytes(problem));
  kernel.pack(problem, packed.data());
  narrow::testing::GuardedBuffer<float> input(c.input);
  narrow::testing::GuardedBuffer<float> output(static_cast<std::size_t>(c.rows()) * c.row_elems());
  for (int i = 0; i < cuts; ++i) {
    kernel.run(problem, packed.data(), input.data(), output.data(), c.rows() * i / cuts, c.rows() * (i + 1) / cuts);
  }
  return output.copy();
}

bool same_value_bits(float a, float b) { return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b); }

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), same_value_bits);
}

std::vector<const ConvolutionF32Kernel*> runnable_float_kernels() {
  std::vector<const ConvolutionF32Kernel*> kernels;
  // Slowest first. The other tables hold the kernels of the first that is not the reference's.
  const IsaTable& table = isa_table(compiled_isas().at(1));
  for (std::size_t i = 0; i < table.convolution_f32_count; ++i) {
    const ConvolutionF32Kernel* kernel = table.convolutions_f32[i];
    if (cpu_features().has(required_features(kernel->isa).bits)) kernels.push_back(kernel);
  }
  return kernels;
}

void check_float(const FloatCase& c) {
  const ConvolutionF32Kernel& reference = **narrow_kernels_scalar()->convolutions_f32;
  const std::vector<float> expected = run_float(reference, c, 1);
  for (const ConvolutionF32Kernel* kernel : runnable_float_kernels()) {
    if (!kernel->accepts(c.problem())) continue;
    for (const int cuts : {1, 3}) {
      const std::vector<float> got = run_float(*kernel, c, cuts);
      if (same_bits(got, expected)) continue;
      const auto at =
          std::mismatch(expected.begin(), expected.end(), got.begin(), same_value_bits).first - expected.begin();
      FAIL_CHECK(kernel->name, ": ", describe(c.shape), " batch ", c.batch, ": element ", at, " is ",
                 got[static_cast<std::size_t>(at)], ", expected ", expected[static_cast<std::size_t>(at)]);
      return;
    }
  }
}

TEST_CASE("float convolution: same bits as the reference on random shapes") {
  if (runnable_float_kernels().empty()) NARROW_SKIP("this CPU runs no kernel but the scalar reference");
  std::mt19937 random(narrow::testing::seed());
  for (int i = 0; i < 600; ++i) {
    const ConvolutionCase shapes = random_case(random);
    FloatCase c = float_case(shapes.shape, shapes.batch, random);
    if (i % 3 == 0) c.clamp = {-1.0F, 6.0F};
    check_float(c);
  }
  check_float(float_case(shape_of(32, 32, 3, 16, 3, 1, 1), 1, random));
  check_float(float_case(shape_of(1, 1, 64, 10, 1, 1, 0), 5, random));
}

TEST_CASE("float convolution: padding is skipped rather than multiplied by zero") {
  std::mt19937 random(narrow::testing::seed() + 1);
  for (const int channels : {1, 8, 17}) {
    FloatCase c = float_case(shape_of(6, 6, 2, channels, 3, 1, 1), 1, random);
    // An infinite weight at the window's corner: outputs whose corner lies in the padding stay finite.
    for (int oc = 0; oc < channels; ++oc) {
      c.weights[static_cast<std::size_t>(oc) * 18] = std::numeric_limits<float>::infinity();
    }
    for (float& x : c.input) x = std::max(x, 0.5F);
    const std::vector<float> output = run_float(**narrow_kernels_scalar()->convolutions_f32, c, 1);
    CHECK(std::abs(output[0]) < std::numeric_limits<float>::infinity());
    CHECK(output.back() == std::numeric_limits<float>::infinity());
    check_float(c);
  }
}

TEST_CASE("float convolution: negative zero and NaN pass the clamp alike") {
  std::mt19937 random(narrow::testing::seed() + 2);
  FloatCase c = float_case(shape_of(1, 9, 1, 9, 1, 1, 0), 1, random);
  c.clamp = {0.0F, 0.0F};
  c.weights.assign(9, 1.0F);
  c.bias.assign(9, -0.0F);
  c.input = {-0.0F,
             0.0F,
             1.0F,
             -1.0F,
             std::numeric_limits<float>::infinity(),
             -std::numeric_limits<float>::infinity(),
             std::numeric_limits<float>::denorm_min(),
             -std::numeric_limits<float>::denorm_min(),
             std::numeric_limits<float>::quiet_NaN()};
  check_float(c);
}

TEST_CASE("float convolution: selection limits itself to the ISA") {
  std::mt19937 random(1);
  const FloatCase c = float_case(shape_of(4, 4, 3, 5, 3, 1, 1), 1, random);
  CHECK(select_convolution_f32(c.problem(), Isa::kScalar)->isa == Isa::kScalar);
  const Isa base = compiled_isas().at(1);
  CHECK(select_convolution_f32(c.problem(), base)->isa == base);
}

}  // namespace
}  // namespace narrow::kernels::testing
