#include "graph/function.h"

#include <cmath>
#include <limits>

#include "base/exact_math.h"
#include "base/float_environment.h"
#include "graph/operators.h"

namespace narrow::graph {
namespace {

// NaN, the result of infinity times zero, becomes 0.
double to_unit_interval(double x) {
  if (!(x > 0.0)) return 0.0;
  return x < 1.0 ? x : 1.0;
}

double sigmoid(double x) { return 1.0 / (1.0 + base::exact_math::exp(-x)); }

// x * gate. If gate is 0 the result is 0, even for an infinite x.
double gated(double x, double gate) { return gate == 0.0 ? 0.0 : x * gate; }

double tanh(double x) {
  const double magnitude = std::fabs(x);
  // Beyond this 1 is the nearest double. The check also keeps exp(2 x) finite.
  if (magnitude > 20.0) return std::copysign(1.0, x);
  const double e = base::exact_math::expm1(2.0 * magnitude);
  return std::copysign(e / (e + 2.0), x);
}

// log(1 + y) for y >= 0 (Kahan): the quotient cancels the rounding of 1 + y.
double log1p(double y) {
  const double sum = 1.0 + y;
  if (std::isinf(sum)) return sum;
  return sum == 1.0 ? y : base::exact_math::log(sum) * (y / (sum - 1.0));
}

// log(1 + exp(x)), without an exponential above 1.
double softplus(double x) { return (x > 0.0 ? x : 0.0) + log1p(base::exact_math::exp(-std::fabs(x))); }

// x * tanh(softplus(x)). With e = exp(x), tanh(log(1 + e)) is e (e + 2) / (e (e + 2) + 2).
double mish(double x) {
  if (x > 40.0) return x;  // the nearest double, and e stays finite
  const double e = base::exact_math::exp(x);
  const double product = e * (e + 2.0);
  return gated(x, product / (product + 2.0));
}

// x^exponent by multiplications. count: the exponent's magnitude.
double integer_power(double x, int count) {
  double result = 1.0;
  for (double square = x; count > 0; count /= 2, square *= square) {
    if (count % 2 == 1) result *= square;
  }
  return result;
}

// x^exponent as ONNX's Pow: NaN for a negative x and a fraction as exponent.
double power(double x, double exponent) {
  constexpr double kMostMultiplied = 64.0;
  const bool is_whole = std::floor(exponent) == exponent;
  if (exponent == 0.5) return std::sqrt(x);
  if (is_whole && std::fabs(exponent) <= kMostMultiplied) {
    const double result = integer_power(x, static_cast<int>(std::fabs(exponent)));
    return exponent < 0.0 ? 1.0 / result : result;
  }
  if (x >= 0.0) return base::exact_math::power(x, exponent);
  if (!is_whole) return std::numeric_limits<double>::quiet_NaN();
  const bool is_odd = exponent != 2.0 * std::floor(exponent * 0.5);
  const double magnitude = base::exact_math::power(-x, exponent);
  return is_odd ? -magnitude : magnitude;
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPi = 0x1.921fb54442d18p+1;
constexpr double kLarge = 0x1p+30;  // from here on e^-x, and 1 beside x^2, are lost in rounding

double asin(double x) {
  if (std::fabs(x) > 1.0) return kNaN;
  return base::exact_math::atan(x / std::sqrt((1.0 - x) * (1.0 + x)));  // x / 0 is infinite
}

double acos(double x) {
  if (std::fabs(x) > 1.0) return kNaN;
  // Near 1 the difference to pi / 2 would lose digits.
  return x > 0.5 ? 2.0 * asin(std::sqrt((1.0 - x) * 0.5)) : kPi / 2.0 - asin(x);
}

// e^x / 2 for x > 40, also where e^x is infinite.
double half_exponential(double x) {
  const double root = base::exact_math::exp(0.5 * x);
  return 0.5 * root * root;
}

double sinh(double x) {
  const double magnitude = std::fabs(x);
  const double e = base::exact_math::expm1(magnitude);
  const double result = magnitude > 40.0 ? half_exponential(magnitude) : 0.5 * (e + e / (e + 1.0));
  return std::copysign(result, x);
}

double cosh(double x) {
  const double magnitude = std::fabs(x);
  const double e = base::exact_math::exp(magnitude);
  return magnitude > 40.0 ? half_exponential(magnitude) : 0.5 * e + 0.5 / e;
}

double asinh(double x) {
  const double magnitude = std::fabs(x);
  const double result = magnitude > kLarge
                            ? base::exact_math::log(magnitude) + base::exact_math::log(2.0)
                            : log1p(magnitude + magnitude * magnitude / (1.0 + std::sqrt(1.0 + magnitude * magnitude)));
  return std::copysign(result, x);
}

double acosh(double x) {
  if (x < 1.0) return kNaN;
  if (x > kLarge) return base::exact_math::log(x) + base::exact_math::log(2.0);
  return log1p((x - 1.0) + std::sqrt((x - 1.0) * (x + 1.0)));
}

double atanh(double x) {
  const double magnitude = std::fabs(x);
  if (magnitude > 1.0) return kNaN;
  return std::copysign(0.5 * log1p(2.0 * magnitude / (1.0 - magnitude)), x);
}

constexpr double kSqrtHalf = 0x1.6a09e667f3bcdp-1;       // sqrt(1 / 2)
constexpr double kSqrtTwoOverPi = 0x1.9884533d43651p-1;  // sqrt(2 / pi)

double round_half_to_even(double x) {
  const double below = std::floor(x);
  const double rest = x - below;  // exact
  const bool below_is_even = below == 2.0 * std::floor(below * 0.5);
  return rest > 0.5 || (rest == 0.5 && !below_is_even) ? below + 1.0 : below;
}

std::uint8_t to_byte(double steps, const Quantization& to) {
  const auto lo = static_cast<double>(to.range.lo - to.zero_point);
  const auto hi = static_cast<double>(to.range.hi - to.zero_point);
  // Bounds are integers, so clamping before rounding equals clamping after it. NaN compares false.
  const double not_below = steps > lo ? steps : lo;
  const double clamped = not_below < hi ? not_below : hi;
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(round_half_to_even(clamped)) + to.zero_point);
}

}  // namespace

double evaluate_function(const Function& function, double x, std::int64_t channel) {
  if (std::isnan(x)) return x;
  const auto alpha = double{function.alpha};
  const auto beta = double{function.beta};
  switch (function.kind) {
    case FunctionKind::kLeakyRelu:
      return x < 0.0 ? gated(x, alpha) : x;
    case FunctionKind::kPRelu:
      return x < 0.0 ? gated(x, double{function.slopes[static_cast<std::size_t>(channel)]}) : x;
    case FunctionKind::kElu:
      return x < 0.0 ? alpha * base::exact_math::expm1(x) : x;
    case FunctionKind::kHardSigmoid:
      return to_unit_interval(alpha * x + beta);
    case FunctionKind::kHardSwish:
      return gated(x, to_unit_interval(alpha * x + beta));
    case FunctionKind::kSigmoid:
      return sigmoid(x);
    case FunctionKind::kSilu:
      return gated(x, sigmoid(x));
    case FunctionKind::kTanh:
      return tanh(x);
    case FunctionKind::kErf:
      return base::exact_math::erf(x);
    case FunctionKind::kGelu:
      return gated(x, 0.5 * base::exact_math::erfc(-x * kSqrtHalf));
    case FunctionKind::kGeluTanh:
      // (1 + tanh(u)) / 2 equals sigmoid(2 u), which stays accurate where tanh is about -1.
      return gated(x, sigmoid(2.0 * kSqrtTwoOverPi * (x + 0.044715 * x * x * x)));
    case FunctionKind::kSoftplus:
      return softplus(x);
    case FunctionKind::kMish:
      return mish(x);
    case FunctionKind::kSelu:
      return beta * (x < 0.0 ? alpha * base::exact_math::expm1(x) : x);
    case FunctionKind::kCelu:
      return x < 0.0 ? gated(base::exact_math::expm1(x / alpha), alpha) : x;
    case FunctionKind::kSoftsign:
      return std::isinf(x) ? std::copysign(1.0, x) : x / (1.0 + std::fabs(x));
    case FunctionKind::kThresholdedRelu:
      return x > alpha ? x : 0.0;
    case FunctionKind::kShrink:
      return x < -alpha ? x + beta : x > alpha ? x - beta : 0.0;
    case FunctionKind::kPower:
      return power(x, alpha);
    case FunctionKind::kExp:
      return base::exact_math::exp(x);
    case FunctionKind::kLog:
      return base::exact_math::log(x);
    case FunctionKind::kAbs:
      return std::fabs(x);
    case FunctionKind::kSign:
      return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : 0.0;
    case FunctionKind::kFloor:
      return std::floor(x);
    case FunctionKind::kCeil:
      return std::ceil(x);
    case FunctionKind::kRound:
      return std::isinf(x) ? x : round_half_to_even(x);
    case FunctionKind::kTrunc:
      return std::trunc(x);
    case FunctionKind::kSin:
      return base::exact_math::sin(x);
    case FunctionKind::kCos:
      return base::exact_math::cos(x);
    case FunctionKind::kTan:
      return base::exact_math::sin(x) / base::exact_math::cos(x);
    case FunctionKind::kAsin:
      return asin(x);
    case FunctionKind::kAcos:
      return acos(x);
    case FunctionKind::kAtan:
      return base::exact_math::atan(x);
    case FunctionKind::kSinh:
      return sinh(x);
    case FunctionKind::kCosh:
      return cosh(x);
    case FunctionKind::kAsinh:
      return asinh(x);
    case FunctionKind::kAcosh:
      return acosh(x);
    case FunctionKind::kAtanh:
      return atanh(x);
  }
  return x;
}

std::vector<std::uint8_t> make_table(const Function& function, const Quantization& in, const Quantization& out) {
  const base::DefaultFloatEnvironment environment;
  const std::size_t channels = row_of(function.kind).has_slopes ? function.slopes.size() : 1;
  std::vector<std::uint8_t> table;
  table.reserve(channels * 256);
  for (std::size_t channel = 0; channel < channels; ++channel) {
    for (std::int32_t x = 0; x < 256; ++x) {
      const double real = double{in.scale} * static_cast<double>(x - in.zero_point);
      const double y = evaluate_function(function, real, static_cast<std::int64_t>(channel));
      table.push_back(to_byte(y / double{out.scale}, out));
    }
  }
  return table;
}

}  // namespace narrow::graph
