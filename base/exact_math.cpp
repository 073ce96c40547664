#include "base/exact_math.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
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

// The sum of coefficients[i] * x^i.
template <std::size_t kCount>
double polynomial(const std::array<double, kCount>& coefficients, double x) {
  double sum = coefficients[kCount - 1];
  for (std::size_t i = kCount - 1; i-- > 0;) sum = sum * x + coefficients[i];
  return sum;
}

// erf(x) for |x| <= 1: x + x * p(x^2), where p interpolates erf(x) / x - 1 in Chebyshev's points, within 4e-17.
double erf_near_zero(double x) {
  static constexpr std::array kCoefficients = {0x1.06eba8214db68p-3,   -0x1.812746b0379c1p-2,  0x1.ce2f21a040f66p-4,
                                               -0x1.b82ce31203772p-6,  0x1.565bccfa44156p-8,   -0x1.c02db0665e53dp-11,
                                               0x1.f9a2be4f731a1p-14,  -0x1.f4ca838adb73bp-17, 0x1.b981d78881a5dp-20,
                                               -0x1.5c131500d3f88p-23, 0x1.d76af6ca49787p-27,  -0x1.ac9585a44fe29p-31};
  return x + x * polynomial(kCoefficients, x * x);
}

// erfc(x) for x >= 1: exp(-x^2) * p((x - 3) / (x + 3)) / (1 + 2 x), where p interpolates exp(x^2) * erfc(x) * (1 + 2 x)
// on [1, 28] in Chebyshev's points, within 5e-17.
double erfc_far_from_zero(double x) {
  static constexpr std::array kCoefficients = {0x1.40c522d7e4987p+0,   -0x1.15c084bb9e8f2p-3,  -0x1.85a15c58aa6d8p-5,
                                               0x1.098366a5b4641p-3,   -0x1.e88b803a46595p-4,  0x1.17ca2877f3140p-4,
                                               -0x1.8574c40d556cap-6,  0x1.4b884e445310bp-9,   0x1.ef1bdef16c6f4p-10,
                                               -0x1.98db53045615dp-11, -0x1.b913797abd4a5p-14, 0x1.065ac47e76ddfp-13,
                                               0x1.4c8073443ec4ap-18,  -0x1.516005f3158adp-16, -0x1.90d050ce96079p-21,
                                               0x1.d710c12d8b68dp-19,  0x1.8d0812f755692p-22,  -0x1.77725fa3f5c9bp-21,
                                               -0x1.c3981cffefb88p-24, 0x1.6ed04180564abp-23,  -0x1.19abb3fa73411p-25};
  if (x > 27.3) return 0.0;  // the nearest double
  // x^2 = high^2 + rest, where high has 26 bits and its square is exact.
  const double high = std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & 0xFFFFFFFFF8000000ULL);
  const double rest = (x - high) * (x + high);  // below 3e-5: three terms of its exponential are enough
  const double power = exp(-high * high) * (1.0 - rest * (1.0 - 0.5 * rest * (1.0 - rest / 3.0)));
  return power * (polynomial(kCoefficients, (x - 3.0) / (x + 3.0)) / (1.0 + 2.0 * x));
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

double erf(double x) {
  if (std::isnan(x)) return x;
  const double magnitude = std::fabs(x);
  if (magnitude < 1.0) return erf_near_zero(x);
  return std::copysign(1.0 - erfc_far_from_zero(magnitude), x);
}

double erfc(double x) {
  if (std::isnan(x)) return x;
  const double magnitude = std::fabs(x);
  if (magnitude < 1.0) return 1.0 - erf_near_zero(x);
  const double tail = erfc_far_from_zero(magnitude);
  return x < 0.0 ? 2.0 - tail : tail;
}

namespace {

constexpr double kPi = 0x1.921fb54442d18p+1;
constexpr double kMostReduced = 0x1p+20;

// sin(r) and cos(r) for |r| <= pi / 4 by their series.
double sin_series(double r) {
  const double square = r * r;
  double sum = -1.0 / 1307674368000.0;      // 1 / 15!
  sum = sum * square + 1.0 / 6227020800.0;  // 1 / 13!
  sum = sum * square - 1.0 / 39916800.0;
  sum = sum * square + 1.0 / 362880.0;
  sum = sum * square - 1.0 / 5040.0;
  sum = sum * square + 1.0 / 120.0;
  sum = sum * square - 1.0 / 6.0;
  return r + r * square * sum;
}

double cos_series(double r) {
  const double square = r * r;
  double sum = 1.0 / 20922789888000.0;       // 1 / 16!
  sum = sum * square - 1.0 / 87178291200.0;  // 1 / 14!
  sum = sum * square + 1.0 / 479001600.0;
  sum = sum * square - 1.0 / 3628800.0;
  sum = sum * square + 1.0 / 40320.0;
  sum = sum * square - 1.0 / 720.0;
  sum = sum * square + 1.0 / 24.0;
  return 1.0 - (0.5 * square - square * square * sum);
}

// sin(x + quarter_turns * pi / 2).
double sin_of(double x, int quarter_turns) {
  if (!std::isfinite(x)) return std::numeric_limits<double>::quiet_NaN();
  // pi / 2 in three parts. The first two have 33 bits, so that their products with up to 2^20 are exact.
  constexpr double kHigh = 0x1.921fb544p+0;
  constexpr double kMiddle = 0x1.0b4611a6p-34;
  constexpr double kLow = 0x1.3198a2e037073p-69;
  if (std::fabs(x) > kMostReduced) x = std::fmod(x, 2.0 * kPi);  // exact, but for the roundness of 2 pi
  const double turns = std::floor(x * (2.0 / kPi) + 0.5);
  const double r = ((x - turns * kHigh) - turns * kMiddle) - turns * kLow;
  switch ((static_cast<int>(turns) + quarter_turns) & 3) {
    case 0:
      return sin_series(r);
    case 1:
      return cos_series(r);
    case 2:
      return -sin_series(r);
    default:
      return -cos_series(r);
  }
}

}  // namespace

double sin(double x) { return sin_of(x, 0); }

double cos(double x) { return sin_of(x, 1); }

double atan(double x) {
  if (std::isnan(x)) return x;
  const double magnitude = std::fabs(x);
  const bool inverted = magnitude > 1.0;
  double t = inverted ? 1.0 / magnitude : magnitude;
  // atan(t) = 2 atan(t / (1 + sqrt(1 + t^2))), twice: then t is below 0.2.
  for (int i = 0; i < 2; ++i) t = t / (1.0 + std::sqrt(1.0 + t * t));
  const double square = t * t;
  double sum = 0.0;
  for (int power = 23; power >= 3; power -= 2) {
    sum = (sum + (power % 4 == 1 ? 1.0 : -1.0) / power) * square;
  }
  const double angle = 4.0 * (t + t * sum);
  return std::copysign(inverted ? kPi / 2.0 - angle : angle, x);
}

}  // namespace narrow::base::exact_math
