// Adding small inputs with tables: tables exist where they should, and every ISA then gives what the scalar reference's
// formula gives, to the bit.
#include <doctest/doctest.h>

#include <optional>
#include <random>
#include <vector>

#include "kernels/binary.h"
#include "tests/kernels/binary_cases.h"
#include "tests/kernels/compare.h"
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

// What the reference computes.
Bytes formula(AddArgs how, const Bytes& a, const Bytes& b, const Layout& layout) {
  Bytes out = layout.untouched();
  how.tensors = layout.tensors(a.data(), b.data(), out.data());
  binary_kernels(Isa::kScalar).add(how);
  return out;
}

Bytes run_tables(Isa isa, const AddTables& tables, QRange range, const Bytes& a, const Bytes& b, const Layout& layout,
                 Against side = Against::kEnd) {
  GuardedBuffer<std::uint8_t> x(a, side);
  GuardedBuffer<std::uint8_t> y(b, side);
  GuardedBuffer<std::uint8_t> out(layout.untouched(), side);
  binary_kernels(isa).add_u4(layout.tensors(x.data(), y.data(), out.data()), tables, range);
  return out.copy();
}

// Pairs of all values of both ranges, `a` outermost.
Layout every_pair(QRange a_range, QRange b_range, Bytes& a, Bytes& b) {
  for (std::int32_t i = a_range.lo; i <= a_range.hi; ++i) {
    for (std::int32_t j = b_range.lo; j <= b_range.hi; ++j) {
      a.push_back(static_cast<std::uint8_t>(i));
      b.push_back(static_cast<std::uint8_t>(j));
    }
  }
  return {1, static_cast<std::int64_t>(a.size())};
}

// Whether there are tables; if so, they must be right.
bool check_tables(const AddArgs& how, QRange a_range, QRange b_range) {
  const std::optional<AddTables> tables = add_tables(how, a_range, b_range);
  if (!tables) return false;
  Bytes a, b;
  const Layout layout = every_pair(a_range, b_range, a, b);
  const Bytes wanted = formula(how, a, b, layout);
  for (const Isa isa : runnable_isas()) {
    if (binary_kernels(isa).add_u4 == nullptr) continue;
    CAPTURE(isa_name(isa));
    REQUIRE(difference(wanted, run_tables(isa, *tables, how.output_range, a, b, layout)) == "");
  }
  return true;
}

}  // namespace

TEST_CASE("add's tables of small inputs give what its formula does: extremes") {
  const QRange all{0, 15};
  CHECK(check_tables(addition(0, 0, 1.0F, 1.0F, 0, {0, 15}), all, all));
  CHECK(check_tables(addition(8, 8, 1.0F, 1.0F, 0, {0, 15}), all, all));
  CHECK(check_tables(addition(15, 15, 1.0F, 1.0F, 15, {0, 15}), all, all));
  CHECK(check_tables(addition(0, 0, 1.0F, 1.0F, 0, {0, 127}), all, all));
  CHECK(check_tables(addition(0, 0, 4.0F, 4.0F, 0, {0, 127}), all, all));
  CHECK(check_tables(addition(3, 12, kMin, kDenormal, 5, {0, 15}), all, all));
  CHECK(check_tables(addition(0, 0, kMax, kMax, 3, {3, 9}), all, all));
  CHECK(check_tables(addition(0, 0, kInfinity, 1.0F, 3, {3, 9}), {1, 15}, all));
  CHECK(check_tables(addition(3, 3, 1.0F, 1.0F, 4, {4, 4}), all, all));
  CHECK(check_tables(addition(3, 3, 1.0F, 1.0F, 4, {0, 15}), {0, 0}, {15, 15}));
  // What they can't say, such as ties that go to the even neighbour, is refused.
  check_tables(addition(7, 9, 0.5F, 0.5F, 8, {0, 15}), all, all);
  check_tables(addition(7, 9, 0.5F, -0.5F, 8, {0, 15}), all, all);
  check_tables(addition(0, 15, kMax, kMax, 7, {0, 15}), all, all);
  check_tables(addition(5, 5, kMax, -kMax, 7, {0, 15}), all, all);
  check_tables(addition(0, 15, kInfinity, kInfinity, 7, {0, 15}), all, all);
}

TEST_CASE("add has tables for inputs below 16 and outputs below 128 only") {
  const AddArgs how = addition(0, 0, 1.0F, 1.0F, 0, {0, 15});
  CHECK(add_tables(how, {0, 15}, {0, 15}));
  CHECK_FALSE(add_tables(how, {0, 16}, {0, 15}));
  CHECK_FALSE(add_tables(how, {0, 15}, {0, 16}));
  CHECK_FALSE(add_tables(how, {-1, 15}, {0, 15}));
  CHECK_FALSE(add_tables(addition(0, 0, 1.0F, 1.0F, 0, {0, 128}), {0, 15}, {0, 15}));
}

TEST_CASE("add's tables of small inputs give what its formula does: most scales have them") {
  std::mt19937 random(narrow::testing::seed());
  int found = 0;
  constexpr int kCases = 400;
  for (int i = 0; i < kCases; ++i) {
    const float sign = random() % 4 == 0 ? -1.0F : 1.0F;
    const AddArgs how = addition(random_below(random, 16), random_below(random, 16),
                                 random_multiplier(random, -2.0F, 1.0F), sign * random_multiplier(random, -2.0F, 1.0F),
                                 random_below(random, 16), random_range(random, i % 2 == 0 ? 16 : 128));
    CAPTURE(how.a_multiplier);
    CAPTURE(how.b_multiplier);
    found += check_tables(how, random_range(random, 16), random_range(random, 16)) ? 1 : 0;
  }
  CHECK(found > kCases / 2);
}

TEST_CASE("add with tables: rows that follow each other or are repeated, and in place") {
  std::mt19937 random(narrow::testing::seed());
  const AddArgs how = addition(7, 0, 0.73F, 0.61F, 2, {1, 14});
  const std::optional<AddTables> tables = add_tables(how, {0, 15}, {0, 15});
  REQUIRE(tables.has_value());
  for (std::int64_t channels = 0; channels <= 100; ++channels) {
    for (const int repeated : {0, 1, 2, 3}) {
      const std::int64_t gap = random() % 2 == 0 ? 0 : static_cast<std::int64_t>(random() % 40);
      const Layout layout{static_cast<std::int64_t>(random() % 5), channels, (repeated & 1) != 0, (repeated & 2) != 0,
                          gap};
      Bytes a = random_bytes(random, layout.a_elems());
      Bytes b = random_bytes(random, layout.b_elems());
      for (std::uint8_t& x : a) x &= 15;
      for (std::uint8_t& x : b) x &= 15;
      const Bytes wanted = formula(how, a, b, layout);
      for (const Isa isa : runnable_isas()) {
        if (binary_kernels(isa).add_u4 == nullptr) continue;
        CAPTURE(isa_name(isa));
        CAPTURE(channels);
        for (const Against side : {Against::kBegin, Against::kEnd}) {
          REQUIRE(difference(wanted, run_tables(isa, *tables, how.output_range, a, b, layout, side)) == "");
        }
        if (layout.repeat_a || gap != 0) continue;
        GuardedBuffer<std::uint8_t> x(a);
        GuardedBuffer<std::uint8_t> y(b);
        binary_kernels(isa).add_u4(layout.tensors(x.data(), y.data(), x.data()), *tables, how.output_range);
        REQUIRE(difference(wanted, x.copy()) == "");
      }
    }
  }
}
