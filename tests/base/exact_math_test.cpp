// Our own exponential, logarithm, error function and circular functions, against the C library in extended precision.
#include "base/exact_math.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "tests/support/data.h"

namespace {

namespace exact_math = narrow::base::exact_math;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMin = std::numeric_limits<double>::min();
constexpr double kDenormal = std::numeric_limits<double>::denorm_min();
constexpr double kMax = std::numeric_limits<double>::max();

// Distance in units of the last place of `expected`.
double ulps(double actual, long double expected) {
  const auto rounded = static_cast<double>(expected);
  if (actual == rounded) return 0;
  if (!std::isfinite(actual) || !std::isfinite(rounded)) return kInfinity;
  const double unit = std::nextafter(std::fabs(rounded), kInfinity) - std::fabs(rounded);
  return static_cast<double>(std::fabs((static_cast<long double>(actual) - expected) / static_cast<long double>(unit)));
}

double uniform(std::mt19937_64& random, double lo, double hi) {
  return std::uniform_real_distribution<double>(lo, hi)(random);
}

}  // namespace

TEST_CASE("exponentials at the ends") {
  CHECK(exact_math::exp(0.0) == 1.0);
  CHECK(exact_math::exp(-0.0) == 1.0);
  CHECK(exact_math::exp(kDenormal) == 1.0);
  CHECK(exact_math::exp(-kDenormal) == 1.0);
  CHECK(exact_math::exp(kInfinity) == kInfinity);
  CHECK(exact_math::exp(kMax) == kInfinity);
  CHECK(exact_math::exp(709.79) == kInfinity);
  CHECK(std::isfinite(exact_math::exp(709.78)));
  CHECK(exact_math::exp(-kInfinity) == 0.0);
  CHECK(exact_math::exp(-kMax) == 0.0);
  CHECK(exact_math::exp(-745.2) == 0.0);
  CHECK(exact_math::exp(-745.1) == kDenormal);
  CHECK(std::isnan(exact_math::exp(std::nan(""))));
  // Subnormal results are rounded once.
  for (int i = 0; i < 100; ++i) {
    const double x = -745.0 + 0.37 * i;
    CAPTURE(x);
    CHECK(std::fabs(exact_math::exp(x) - static_cast<double>(std::exp(static_cast<long double>(x)))) <= kDenormal);
  }
  CHECK(exact_math::expm1(0.0) == 0.0);
  CHECK(exact_math::expm1(kDenormal) == kDenormal);
  CHECK(exact_math::expm1(-kDenormal) == -kDenormal);
  CHECK(exact_math::expm1(kInfinity) == kInfinity);
  CHECK(exact_math::expm1(-kInfinity) == -1.0);
  CHECK(std::isnan(exact_math::expm1(std::nan(""))));
}

TEST_CASE("logarithms at the ends") {
  CHECK(exact_math::log(1.0) == 0.0);
  CHECK(exact_math::log(0.0) == -kInfinity);
  CHECK(exact_math::log(-0.0) == -kInfinity);
  CHECK(exact_math::log(kInfinity) == kInfinity);
  CHECK(std::isnan(exact_math::log(-kDenormal)));
  CHECK(std::isnan(exact_math::log(-kInfinity)));
  CHECK(std::isnan(exact_math::log(std::nan(""))));
  for (const double x : {kDenormal, kMin / 3, kMin, std::nextafter(1.0, 0.0), std::nextafter(1.0, 2.0), kMax}) {
    CAPTURE(x);
    CHECK(ulps(exact_math::log(x), std::log(static_cast<long double>(x))) <= 2);
  }
}

TEST_CASE("powers at the ends") {
  CHECK(exact_math::power(0.0, 0.0) == 1.0);
  CHECK(exact_math::power(kInfinity, 0.0) == 1.0);
  CHECK(exact_math::power(0.0, 0.75) == 0.0);
  CHECK(exact_math::power(0.0, -1.0) == kInfinity);
  CHECK(exact_math::power(kInfinity, 0.5) == kInfinity);
  CHECK(exact_math::power(kInfinity, -0.5) == 0.0);
  CHECK(exact_math::power(1.0, 1e300) == 1.0);
  CHECK(exact_math::power(2.0, 10.0) == doctest::Approx(1024.0).epsilon(1e-14));
}

TEST_CASE("exponentials and logarithms are accurate to a few units in the last place") {
  std::mt19937_64 random(narrow::testing::seed());
  for (int i = 0; i < 100'000; ++i) {
    const double width = i % 3 == 0 ? 708.0 : i % 3 == 1 ? 2.0 : 1e-4;
    const double x = uniform(random, -width, width);
    const double y = i % 2 == 0 ? uniform(random, 0.0, 3.0) : std::bit_cast<double>(random() >> 1U);
    CAPTURE(x);
    CAPTURE(y);
    REQUIRE(ulps(exact_math::exp(x), std::exp(static_cast<long double>(x))) <= 2);
    REQUIRE(ulps(exact_math::expm1(x), std::expm1(static_cast<long double>(x))) <= 4);
    if (!std::isfinite(y)) continue;
    REQUIRE(ulps(exact_math::log(y), std::log(static_cast<long double>(y))) <= 2);
    const double exponent = uniform(random, -2.0, 2.0);
    const long double power = std::pow(static_cast<long double>(y), static_cast<long double>(exponent));
    if (power > 1e-300L && power < 1e300L) {
      REQUIRE(exact_math::power(y, exponent) == doctest::Approx(static_cast<double>(power)).epsilon(1e-12));
    }
  }
}

TEST_CASE("error functions at the ends") {
  CHECK(exact_math::erf(0.0) == 0.0);
  CHECK(std::signbit(exact_math::erf(-0.0)));
  CHECK(exact_math::erf(kDenormal) == kDenormal);
  CHECK(exact_math::erf(-kDenormal) == -kDenormal);
  CHECK(exact_math::erfc(0.0) == 1.0);
  CHECK(exact_math::erfc(kDenormal) == 1.0);
  for (const double large : {6.0, 27.0, 28.0, 1e10, kMax, kInfinity}) {
    CAPTURE(large);
    CHECK(exact_math::erf(large) == 1.0);
    CHECK(exact_math::erf(-large) == -1.0);
    CHECK(exact_math::erfc(-large) == 2.0);
  }
  CHECK(exact_math::erfc(27.3) == 0.0);
  CHECK(std::fabs(exact_math::erfc(27.2) - 2 * kDenormal) <= kDenormal);
  CHECK(exact_math::erfc(kInfinity) == 0.0);
  CHECK(std::isnan(exact_math::erf(std::nan(""))));
  CHECK(std::isnan(exact_math::erfc(std::nan(""))));
}

TEST_CASE("error functions are accurate to a few units in the last place") {
  std::mt19937_64 random(narrow::testing::seed());
  for (int i = 0; i < 200'000; ++i) {
    const double width = i % 4 == 0 ? 26.5 : i % 4 == 1 ? 6.0 : i % 4 == 2 ? 1.1 : 1e-4;
    const double x = uniform(random, -width, width);
    CAPTURE(x);
    REQUIRE(ulps(exact_math::erf(x), std::erf(static_cast<long double>(x))) <= 2);
    REQUIRE(ulps(exact_math::erfc(x), std::erfc(static_cast<long double>(x))) <= 8);
  }
  // Where one formula ends and the next begins.
  for (const double end : {1.0, 6.0, 26.5}) {
    for (const double x : {std::nextafter(end, 0.0), end, std::nextafter(end, 100.0)}) {
      CAPTURE(x);
      CHECK(ulps(exact_math::erf(x), std::erf(static_cast<long double>(x))) <= 2);
      CHECK(ulps(exact_math::erfc(x), std::erfc(static_cast<long double>(x))) <= 8);
    }
  }
}

// Machines must agree; these are the bits on which they do.
TEST_CASE("exponentials and logarithms and error functions have the bits that they always had") {
  CHECK(exact_math::exp(1.0) == 0x1.5bf0a8b14576ap+1);
  CHECK(exact_math::exp(-0.7) == 0x1.fc80db9dd5542p-2);
  CHECK(exact_math::exp(300.25) == 0x1.1fda3eaeb3d0ep+433);
  CHECK(exact_math::expm1(0.3) == 0x1.6641632306a56p-2);
  CHECK(exact_math::expm1(-2.5) == -0x1.d5f8f47ed617bp-1);
  CHECK(exact_math::log(10.0) == 0x1.26bb1bbb55516p+1);
  CHECK(exact_math::log(0.9) == -0x1.af8e8210a415cp-4);
  CHECK(exact_math::power(3.7, 0.6) == 0x1.18a0c4bbe2b81p+1);
  CHECK(exact_math::erf(0.3) == 0x1.50838881dea0fp-2);
  CHECK(exact_math::erf(-3.2) == -0x1.ffff35cf1b185p-1);
  CHECK(exact_math::erfc(-0.9) == 0x1.cc022d3645173p+0);
  CHECK(exact_math::erfc(1.7) == 0x1.0993be8f17094p-6);
  CHECK(exact_math::erfc(9.5) == 0x1.a4480db60fe17p-135);
}

TEST_CASE("circular functions are those of the C library up to rounding") {
  std::mt19937_64 random(narrow::testing::seed());
  for (int i = 0; i < 20'000; ++i) {
    const double x = uniform(random, -1, 1) * std::pow(10.0, uniform(random, -8, 6));
    CAPTURE(x);
    CHECK(std::fabs(exact_math::sin(x) - static_cast<double>(std::sin(static_cast<long double>(x)))) < 1e-15);
    CHECK(std::fabs(exact_math::cos(x) - static_cast<double>(std::cos(static_cast<long double>(x)))) < 1e-15);
    CHECK(ulps(exact_math::atan(x), std::atan(static_cast<long double>(x))) <= 4);
  }
  for (const double x : {0x1p+21, 1e9, 1e12}) {
    CHECK(std::fabs(exact_math::sin(x) - std::sin(x)) < x * 0x1p-50);
    CHECK(std::fabs(exact_math::cos(-x) - std::cos(x)) < x * 0x1p-50);
  }
  CHECK(exact_math::sin(0.0) == 0.0);
  CHECK(exact_math::cos(0.0) == 1.0);
  CHECK(exact_math::atan(0.0) == 0.0);
  CHECK(exact_math::atan(kInfinity) == std::atan(kInfinity));
  CHECK(exact_math::atan(-kInfinity) == std::atan(-kInfinity));
  for (const double x : {kInfinity, -kInfinity, std::nan("")}) {
    CHECK(std::isnan(exact_math::sin(x)));
    CHECK(std::isnan(exact_math::cos(x)));
  }
  CHECK(std::isnan(exact_math::atan(std::nan(""))));
}
