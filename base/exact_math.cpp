#include "base/exact_math.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>

// Nothing here may be contracted to fused multiply-adds: the build forbids it, see cmake/NarrowTargets.cmake.
namespace narrow::base::exact_math {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLog2E = 0x1.71547652b82fep+0;
// ln 2 in two parts. The first has 32 bits, so that its product with an exponent is exact.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// 2^k, k in [-1022, 1023].
double two_to(int k) { return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52U); }

// e^r - 1 for |r| <= 0.36 by its series; the first term left out is below 1e-17 of the result.
double expm1_series(double r) {
  double sum = 1.0 / 87178291200.0;    // 1 / 14!
  sum = sum * r + 1.0 / 6227020800.0;  // 1 / 13!
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  return r + r * r * sum;
}

}  // namespace

double exp(double x) {
  if (std::isnan(x)) return x;
  if (x > 710.0) return kInfinity;
  if (x < -746.0) return 0.0;
  // x = k * ln 2 + r, |r| <= ln 2 / 2.
  const double k = std::floor(x * kLog2E + 0.5);
  const double r = (x - k * kLn2High) - k * kLn2Low;
  const double mantissa = 1.0 + expm1_series(r);
  // In two steps, because 2^k may not be a normal number where the result is finite; only the second can round.
  const int exponent = static_cast<int>(k);
  const int half = exponent / 2;
  return mantissa * two_to(half) * two_to(exponent - half);
}

double expm1(double x) {
  if (x > -0.35 && x < 0.35) return expm1_series(x);
  return exp(x) - 1.0;
}

double log(double x) {
  if (std::isnan(x) || x == kInfinity) return x;
  if (x < 0.0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0.0) return -kInfinity;
  // x = 2^k * m, m in [sqrt(1/2), sqrt(2)).
  int exponent = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    exponent = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  exponent += static_cast<int>(bits >> 52U) - 1023;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (m >= 0x1.6a09e667f3bcdp+0) {
    m *= 0.5;
    ++exponent;
  }
  // With f = m - 1 and s = f / (2 + f): ln m = 2 atanh(s) = 2 s + s * rest, and 2 s = f - s * f.
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double square = s * s;
  double rest = 2.0 / 25.0;
  for (const double divisor : {23.0, 21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0}) {
    rest = rest * square + 2.0 / divisor;
  }
  rest *= square;
  const auto k = static_cast<double>(exponent);
  return k * kLn2High + (f - (s * (f - rest) - k * kLn2Low));
}

double power(double base, double exponent) {
  if (exponent == 0.0) return 1.0;
  return exp(exponent * log(base));
}

}  // namespace narrow::base::exact_math
