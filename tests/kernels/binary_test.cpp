// Adding and multiplying: scalar references against an independent formulation, then every ISA against the scalar
// reference, to the bit.
#include "kernels/binary.h"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

#include "tests/kernels/binary_cases.h"
#include "tests/kernels/compare.h"
#include "tests/kernels/elementwise_reference.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/support/data.h"
#include "tests/support/random.h"

namespace {

using namespace narrow;
using namespace narrow::kernels;
using narrow::testing::addition;
using narrow::testing::Against;
using narrow::testing::Bytes;
using narrow::testing::difference;
using narrow::testing::GuardedBuffer;
using narrow::testing::kDenormal;
using narrow::testing::kInfinity;
using narrow::testing::kMax;
using narrow::testing::kMin;
using narrow::testing::Layout;
using narrow::testing::random_below;
using narrow::testing::random_bytes;
using narrow::testing::random_multiplier;
using narrow::testing::random_range;
using narrow::testing::runnable_isas;

// Everything but the tensors.
MultiplyArgs multiplication(std::int32_t a_zero, std::int32_t b_zero, float m, std::int32_t zero, QRange range) {
  return {{}, a_zero, b_zero, m, zero, range};
}
AddArgs random_addition(std::mt19937& random) {
  const float sign = random() % 2 == 0 ? 1.0F : -1.0F;
  return addition(random_below(random, 256), random_below(random, 256), random_multiplier(random, -9.0F, 4.0F),
                  sign * random_multiplier(random, -9.0F, 4.0F), random_below(random, 256), random_range(random));
}
MultiplyArgs random_multiplication(std::mt19937& random) {
  return multiplication(random_below(random, 256), random_below(random, 256), random_multiplier(random, -12.0F, 0.0F),
                        random_below(random, 256), random_range(random));
}

// The formulas of numerics.md.
std::uint8_t expected(const AddArgs& how, std::uint8_t a, std::uint8_t b) {
  using namespace narrow::testing;
  const float x = single_product(static_cast<float>(std::int64_t{a} - how.a_zero_point), how.a_multiplier);
  const float y = single_product(static_cast<float>(std::int64_t{b} - how.b_zero_point), how.b_multiplier);
  return expected_rounding(single_sum(x, y), how.output_zero_point, how.output_range);
}
std::uint8_t expected(const MultiplyArgs& how, std::uint8_t a, std::uint8_t b) {
  using namespace narrow::testing;
  const std::int64_t product = (std::int64_t{a} - how.a_zero_point) * (std::int64_t{b} - how.b_zero_point);
  return expected_rounding(single_product(static_cast<float>(product), how.multiplier), how.output_zero_point,
                           how.output_range);
}

void call(Isa isa, const AddArgs& args) { binary_kernels(isa).add(args); }
void call(Isa isa, const MultiplyArgs& args) { binary_kernels(isa).multiply(args); }

template <class Args>
Bytes run(Isa isa, Args args, const Bytes& a, const Bytes& b, const Layout& layout, Against side = Against::kEnd) {
  GuardedBuffer<std::uint8_t> x(a, side);
  GuardedBuffer<std::uint8_t> y(b, side);
  GuardedBuffer<std::uint8_t> out(layout.untouched(), side);
  args.tensors = layout.tensors(x.data(), y.data(), out.data());
  call(isa, args);
  return out.copy();
}

template <class Args>
void check_every_pair(const Args& how) {
  Bytes a;
  Bytes b;
  Bytes wanted;
  for (int i = 0; i < 65536; ++i) {
    a.push_back(static_cast<std::uint8_t>(i >> 8));
    b.push_back(static_cast<std::uint8_t>(i));
    wanted.push_back(expected(how, a.back(), b.back()));
  }
  for (const Isa isa : runnable_isas()) {
    CAPTURE(isa_name(isa));
    REQUIRE(difference(wanted, run(isa, how, a, b, Layout{256, 256})) == "");
  }
}

template <class Args>
void check_layouts(std::mt19937& random, Args (*make)(std::mt19937&)) {
  for (std::int64_t channels = 0; channels <= 100; ++channels) {
    for (const bool repeat_a : {false, true}) {
      for (const bool repeat_b : {false, true}) {
        const std::int64_t gap = random() % 2 == 0 ? 0 : static_cast<std::int64_t>(random() % 40);
        const Layout layout{static_cast<std::int64_t>(random() % 5), channels, repeat_a, repeat_b, gap};
        const Bytes a = random_bytes(random, layout.a_elems());
        const Bytes b = random_bytes(random, layout.b_elems());
        const Args how = make(random);
        Bytes wanted = layout.untouched();
        for (std::int64_t i = 0; i < layout.rows * channels; ++i) {
          const auto at = [&](bool repeated) {
            return static_cast<std::size_t>(i / channels * layout.stride(repeated) + i % channels);
          };
          wanted[at(false)] = expected(how, a[at(repeat_a)], b[at(repeat_b)]);
        }
        for (const Isa isa : runnable_isas()) {
          for (const Against side : {Against::kBegin, Against::kEnd}) {
            CAPTURE(isa_name(isa));
            CAPTURE(layout.rows);
            CAPTURE(channels);
            CAPTURE(repeat_a);
            CAPTURE(repeat_b);
            CAPTURE(gap);
            REQUIRE(difference(wanted, run(isa, how, a, b, layout, side)) == "");
          }
        }
      }
    }
  }
}

template <class Args>
void check_in_place(std::mt19937& random, Args (*make)(std::mt19937&)) {
  for (std::int64_t channels = 0; channels <= 70; ++channels) {
    for (const bool into_b : {false, true}) {
      // The other input may be repeated, the one that is written over may not.
      const Layout layout{3, channels, into_b && channels % 2 == 0, !into_b && channels % 2 == 0};
      const Bytes a = random_bytes(random, layout.a_elems());
      const Bytes b = random_bytes(random, layout.b_elems());
      Args how = make(random);
      const Bytes wanted = run(Isa::kScalar, how, a, b, layout);
      for (const Isa isa : runnable_isas()) {
        CAPTURE(isa_name(isa));
        CAPTURE(channels);
        GuardedBuffer<std::uint8_t> x(a);
        GuardedBuffer<std::uint8_t> y(b);
        how.tensors = layout.tensors(x.data(), y.data(), into_b ? y.data() : x.data());
        call(isa, how);
        REQUIRE(difference(wanted, into_b ? y.copy() : x.copy()) == "");
      }
    }
  }
}

}  // namespace

TEST_CASE("add follows its formula for every pair of bytes") {
  std::mt19937 random(narrow::testing::seed());
  std::vector<AddArgs> cases = {
      addition(0, 0, 1.0F, 1.0F, 0, {0, 255}),
      addition(255, 255, 0.5F, 0.5F, 255, {0, 255}),
      addition(128, 128, 0.5F, 1.5F, 128, {0, 255}),
      addition(128, 128, kMax, kMax, 128, {0, 255}),
      addition(0, 255, kMax, kMax, 7, {3, 200}),
      addition(3, 200, 1e9F, 1.0F, 128, {0, 255}),
      addition(17, 99, kMin, kDenormal, 9, {0, 15}),
      addition(0, 0, 0.25F, 0.25F, 0, {0, 3}),
      addition(0, 255, kInfinity, kInfinity, 1, {0, 15}),
      addition(0, 0, 1.0F, -1.0F, 0, {0, 255}),
      addition(5, 250, kMax, -kMax, 128, {0, 255}),
  };
  for (int i = 0; i < 20; ++i) cases.push_back(random_addition(random));
  for (const AddArgs& how : cases) check_every_pair(how);
}

TEST_CASE("multiply follows its formula for every pair of bytes") {
  std::mt19937 random(narrow::testing::seed());
  std::vector<MultiplyArgs> cases = {
      multiplication(0, 0, 1.0F / 255, 0, {0, 255}),   multiplication(255, 255, 1.0F, 0, {0, 255}),
      multiplication(0, 255, 0.5F, 255, {0, 255}),     multiplication(128, 128, 0.5F, 128, {0, 255}),
      multiplication(128, 128, kMax, 128, {0, 255}),   multiplication(0, 0, kInfinity, 7, {3, 200}),
      multiplication(17, 99, kMin, 9, {0, 15}),        multiplication(17, 99, kDenormal, 9, {0, 15}),
      multiplication(0, 0, 1.0F / 512, 0, {128, 128}),
  };
  for (int i = 0; i < 20; ++i) cases.push_back(random_multiplication(random));
  for (const MultiplyArgs& how : cases) check_every_pair(how);
}

TEST_CASE("add of rows that follow each other or are repeated") {
  std::mt19937 random(narrow::testing::seed());
  check_layouts(random, random_addition);
}

TEST_CASE("multiply of rows that follow each other or are repeated") {
  std::mt19937 random(narrow::testing::seed());
  check_layouts(random, random_multiplication);
}

TEST_CASE("add and multiply may write over an input") {
  std::mt19937 random(narrow::testing::seed());
  check_in_place(random, random_addition);
  check_in_place(random, random_multiplication);
}

TEST_CASE("add and multiply may take the same tensor twice and write over it") {
  std::mt19937 random(narrow::testing::seed());
  for (std::int64_t count = 0; count <= 100; ++count) {
    const Bytes a = random_bytes(random, count);
    const Layout layout{1, count};
    AddArgs sum = random_addition(random);
    MultiplyArgs square = random_multiplication(random);
    const Bytes sums = run(Isa::kScalar, sum, a, a, layout);
    const Bytes squares = run(Isa::kScalar, square, a, a, layout);
    for (const Isa isa : runnable_isas()) {
      CAPTURE(isa_name(isa));
      CAPTURE(count);
      GuardedBuffer<std::uint8_t> x(a);
      sum.tensors = layout.tensors(x.data(), x.data(), x.data());
      call(isa, sum);
      REQUIRE(difference(sums, x.copy()) == "");
      GuardedBuffer<std::uint8_t> y(a);
      square.tensors = layout.tensors(y.data(), y.data(), y.data());
      call(isa, square);
      REQUIRE(difference(squares, y.copy()) == "");
    }
  }
}
