// The nonlinear functions as numbers and as tables.
#include "graph/function.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <random>

#include "tests/support/data.h"
#include "tests/support/graph/functions.h"

namespace {

using narrow::Quantization;
using narrow::graph::evaluate_function;
using narrow::graph::Function;
using narrow::graph::FunctionKind;
using narrow::graph::make_table;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
Function function(FunctionKind kind, float alpha = 0.25F, float beta = 0.5F) {
  Function result;
  result.kind = kind;
  result.alpha = alpha;
  result.beta = beta;
  if (narrow::graph::row_of(kind).has_slopes) result.slopes = {0.5F, -2.0F, 0.0F};
  return result;
}

// From the ONNX operators' formulas, with the C library.
double expected(const Function& f, double x, std::size_t channel) {
  const double alpha = double{f.alpha};
  const double beta = double{f.beta};
  switch (f.kind) {
    case FunctionKind::kLeakyRelu:
      return x < 0 ? alpha * x : x;
    case FunctionKind::kPRelu:
      return x < 0 ? double{f.slopes[channel]} * x : x;
    case FunctionKind::kElu:
      return x < 0 ? alpha * std::expm1(x) : x;
    case FunctionKind::kHardSigmoid:
      return std::clamp(alpha * x + beta, 0.0, 1.0);
    case FunctionKind::kHardSwish:
      return x * std::clamp(alpha * x + beta, 0.0, 1.0);
    case FunctionKind::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case FunctionKind::kSilu:
      return x / (1 + std::exp(-x));
    case FunctionKind::kTanh:
      return std::tanh(x);
    case FunctionKind::kErf:
      return std::erf(x);
    case FunctionKind::kGelu:
      return x * std::erfc(-x * std::sqrt(0.5)) / 2;
    case FunctionKind::kGeluTanh:
      return x / (1 + std::exp(-2 * std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
    case FunctionKind::kSoftplus:
      return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
    case FunctionKind::kMish:
      return x * std::tanh(std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))));
    case FunctionKind::kSelu:
      return beta * (x < 0 ? alpha * std::expm1(x) : x);
    case FunctionKind::kCelu:
      return std::max(0.0, x) + std::min(0.0, alpha * std::expm1(x / alpha));
    case FunctionKind::kSoftsign:
      return x / (1 + std::abs(x));
    case FunctionKind::kThresholdedRelu:
      return x > alpha ? x : 0;
    case FunctionKind::kShrink:
      return x < -alpha ? x + beta : x > alpha ? x - beta : 0;
    case FunctionKind::kPower:
      return std::pow(x, alpha);
    case FunctionKind::kExp:
      return std::exp(x);
    case FunctionKind::kLog:
      return std::log(x);
    case FunctionKind::kAbs:
      return std::abs(x);
    case FunctionKind::kSign:
      return x > 0 ? 1 : x < 0 ? -1 : 0;
    case FunctionKind::kFloor:
      return std::floor(x);
    case FunctionKind::kCeil:
      return std::ceil(x);
    case FunctionKind::kRound:
      return std::nearbyint(x);
    case FunctionKind::kTrunc:
      return std::trunc(x);
    case FunctionKind::kSin:
      return std::sin(x);
    case FunctionKind::kCos:
      return std::cos(x);
    case FunctionKind::kTan:
      return std::tan(x);
    case FunctionKind::kAsin:
      return std::asin(x);
    case FunctionKind::kAcos:
      return std::acos(x);
    case FunctionKind::kAtan:
      return std::atan(x);
    case FunctionKind::kSinh:
      return std::sinh(x);
    case FunctionKind::kCosh:
      return std::cosh(x);
    case FunctionKind::kAsinh:
      return std::asinh(x);
    case FunctionKind::kAcosh:
      return std::acosh(x);
    case FunctionKind::kAtanh:
      return std::atanh(x);
  }
  return 0;
}

}  // namespace

TEST_CASE("functions have their limits at infinity and keep NaN") {
  const auto at = [](FunctionKind kind, double x) { return evaluate_function(function(kind), x); };
  CHECK(at(FunctionKind::kLeakyRelu, -kInfinity) == -kInfinity);
  CHECK(at(FunctionKind::kLeakyRelu, kInfinity) == kInfinity);
  CHECK(evaluate_function(function(FunctionKind::kLeakyRelu, 0.0F), -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kPRelu, -kInfinity) == -kInfinity);
  CHECK(evaluate_function(function(FunctionKind::kPRelu), -kInfinity, 1) == kInfinity);
  CHECK(evaluate_function(function(FunctionKind::kPRelu), -kInfinity, 2) == 0.0);
  CHECK(at(FunctionKind::kElu, -kInfinity) == -0.25);
  CHECK(at(FunctionKind::kElu, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kHardSigmoid, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kHardSigmoid, kInfinity) == 1.0);
  CHECK(at(FunctionKind::kHardSwish, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kHardSwish, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kSigmoid, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kSigmoid, kInfinity) == 1.0);
  CHECK(at(FunctionKind::kSilu, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kSilu, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kTanh, -kInfinity) == -1.0);
  CHECK(at(FunctionKind::kTanh, kInfinity) == 1.0);
  CHECK(at(FunctionKind::kErf, -kInfinity) == -1.0);
  CHECK(at(FunctionKind::kErf, kInfinity) == 1.0);
  for (const FunctionKind gelu : {FunctionKind::kGelu, FunctionKind::kGeluTanh}) {
    CHECK(at(gelu, -kInfinity) == 0.0);
    CHECK(at(gelu, kInfinity) == kInfinity);
  }
  CHECK(at(FunctionKind::kSoftplus, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kSoftplus, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kMish, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kMish, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kSelu, -kInfinity) == -0.125);
  CHECK(at(FunctionKind::kSelu, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kCelu, -kInfinity) == -0.25);
  CHECK(at(FunctionKind::kCelu, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kSoftsign, -kInfinity) == -1.0);
  CHECK(at(FunctionKind::kSoftsign, kInfinity) == 1.0);
  CHECK(at(FunctionKind::kThresholdedRelu, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kShrink, -kInfinity) == -kInfinity);
  CHECK(at(FunctionKind::kExp, -kInfinity) == 0.0);
  CHECK(at(FunctionKind::kExp, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kLog, 0.0) == -kInfinity);
  CHECK(std::isnan(at(FunctionKind::kLog, -1.0)));
  CHECK(at(FunctionKind::kLog, kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kAbs, -kInfinity) == kInfinity);
  CHECK(at(FunctionKind::kSign, -kInfinity) == -1.0);
  for (const FunctionKind kind : {FunctionKind::kFloor, FunctionKind::kCeil, FunctionKind::kRound}) {
    CHECK(at(kind, -kInfinity) == -kInfinity);
    CHECK(at(kind, kInfinity) == kInfinity);
  }
  for (const FunctionKind kind : narrow::testing::all_functions()) CHECK(std::isnan(at(kind, std::nan(""))));
}

TEST_CASE("powers are those of ONNX's Pow, also of negative numbers, zero and infinity") {
  const auto at = [](float exponent, double x) {
    return evaluate_function(function(FunctionKind::kPower, exponent), x);
  };
  for (const float exponent :
       {0.0F, 0.5F, 1.0F, 2.0F, 3.0F, -1.0F, -2.0F, 64.0F, 65.0F, 66.0F, -67.0F, 0.25F, 1.0F / 3}) {
    for (const double x : {0.0, 1.0, -1.0, 0.25, -0.25, 3.0, -3.0, kInfinity, -kInfinity}) {
      const double wanted = x == -kInfinity && exponent == 0.5F ? std::nan("") : std::pow(x, double{exponent});
      CAPTURE(exponent);
      CAPTURE(x);
      const double actual = at(exponent, x);
      if (std::isnan(wanted) || (std::isinf(x) && x < 0 && std::floor(exponent) != exponent)) {
        CHECK(std::isnan(actual));
      } else if (std::isinf(wanted)) {
        CHECK(actual == wanted);
      } else {
        CHECK(std::fabs(actual - wanted) <= 1e-13 * std::fabs(wanted));
      }
    }
  }
}

TEST_CASE("functions follow their formulas") {
  std::mt19937 random(narrow::testing::seed());
  for (const FunctionKind kind : narrow::testing::all_functions()) {
    for (int i = 0; i < 20000; ++i) {
      const double width = i % 4 == 0 ? 1000.0 : i % 4 == 1 ? 1e-6 : 8.0;
      const double x = i == 0 ? 0.0 : std::uniform_real_distribution<double>(-width, width)(random);
      const auto channel = static_cast<std::size_t>(i % 3);
      const Function f = function(kind, std::uniform_real_distribution<float>(-1.0F, 1.0F)(random));
      const double wanted = expected(f, x, channel);
      const double actual = evaluate_function(f, x, static_cast<std::int64_t>(channel));
      CAPTURE(static_cast<int>(kind));
      CAPTURE(x);
      if (std::isnan(wanted)) {
        REQUIRE(std::isnan(actual));
        continue;
      }
      // An exponential of a large number magnifies the rounding of the number.
      const bool is_magnified = kind == FunctionKind::kGeluTanh || kind == FunctionKind::kPower;
      const double tolerance = is_magnified ? 1e-12 : 1e-14;
      if (actual != wanted) REQUIRE(std::fabs(actual - wanted) <= tolerance * std::fabs(wanted) + 1e-300);
    }
  }
}

TEST_CASE("tables hold every byte's value rounded half to even and clamped to the output's range") {
  std::mt19937 random(narrow::testing::seed());
  const auto byte = [&] { return static_cast<std::int32_t>(random() % 256); };
  for (const FunctionKind kind : narrow::testing::all_functions()) {
    for (int i = 0; i < 40; ++i) {
      const Function f = function(kind);
      // The table covers bytes outside of the input's range too.
      const Quantization in{std::exp(std::uniform_real_distribution<float>(-8.0F, 2.0F)(random)), byte(), {3, 9}};
      Quantization out{std::exp(std::uniform_real_distribution<float>(-8.0F, 2.0F)(random)), byte(), {}};
      out.range = {static_cast<std::int32_t>(random()) % (out.zero_point + 1), 255};
      out.range.lo = std::max(out.range.lo, 0);
      if (i % 2 == 0) out.range.hi = out.zero_point + (255 - out.zero_point) / 2;
      const std::vector<std::uint8_t> table = make_table(f, in, out);
      REQUIRE(table.size() == (kind == FunctionKind::kPRelu ? 3 * 256 : 256));
      for (std::size_t entry = 0; entry < table.size(); ++entry) {
        const double x = double{in.scale} * (static_cast<double>(entry % 256) - in.zero_point);
        const double steps = evaluate_function(f, x, static_cast<std::int64_t>(entry / 256)) / double{out.scale};
        const double rounded = std::nearbyint(steps) + out.zero_point;
        const double wanted = std::isnan(rounded)
                                  ? out.range.lo
                                  : std::min(std::max(rounded, double(out.range.lo)), double(out.range.hi));
        CAPTURE(static_cast<int>(kind));
        CAPTURE(entry);
        REQUIRE(static_cast<double>(table[entry]) == wanted);
      }
    }
  }
}

TEST_CASE("tables do not depend on the caller's rounding mode") {
  for (const FunctionKind kind : narrow::testing::all_functions()) {
    const Quantization in{0.0371F, 101, {0, 255}};
    const Quantization out{0.0113F, 60, {0, 255}};
    const std::vector<std::uint8_t> expected = make_table(function(kind), in, out);
    for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
      REQUIRE(std::fesetround(mode) == 0);
      const std::vector<std::uint8_t> table = make_table(function(kind), in, out);
      const int mode_after = std::fegetround();
      std::fesetround(FE_TONEAREST);
      CHECK(mode_after == mode);
      CHECK(table == expected);
    }
  }
}

TEST_CASE("ties in a table go to the even byte") {
  // Half steps: f(x) = x with an output scale twice the input's.
  const std::vector<std::uint8_t> table =
      make_table(function(FunctionKind::kLeakyRelu, 1.0F), {1.0F, 4, {0, 255}}, {2.0F, 4, {0, 255}});
  const std::vector<std::uint8_t> expected_begin = {2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7, 8};
  CHECK(std::vector<std::uint8_t>(table.begin(), table.begin() + 12) == expected_begin);
}

TEST_CASE("tables have an entry for every byte, also where the function is infinite or not a number") {
  const Quantization in{0.5F, 4, {0, 255}};  // byte 4 is 0, those below it are negative
  const Quantization out{0.25F, 20, {3, 200}};
  struct Case {
    FunctionKind kind;
    float alpha;
    std::uint8_t of_negative, of_zero, of_one;  // real numbers -1, 0 and 1: bytes 2, 4 and 6
  };
  for (const Case& c : {Case{FunctionKind::kLog, 0, 3, 3, 20}, Case{FunctionKind::kPower, 0.5F, 3, 20, 24},
                        Case{FunctionKind::kPower, 0.3F, 3, 20, 24}, Case{FunctionKind::kPower, -1, 16, 200, 24},
                        Case{FunctionKind::kPower, -2, 24, 200, 24}, Case{FunctionKind::kPower, -0.5F, 3, 200, 24},
                        Case{FunctionKind::kAcosh, 0, 3, 3, 20}, Case{FunctionKind::kAtanh, 0, 3, 20, 200}}) {
    CAPTURE(row_of(c.kind).name);
    CAPTURE(c.alpha);
    const std::vector<std::uint8_t> table = make_table(function(c.kind, c.alpha), in, out);
    REQUIRE(table.size() == 256);
    CHECK(static_cast<int>(table[2]) == static_cast<int>(c.of_negative));
    CHECK(static_cast<int>(table[4]) == static_cast<int>(c.of_zero));
    CHECK(static_cast<int>(table[6]) == static_cast<int>(c.of_one));
    for (const std::uint8_t entry : table) CHECK((entry >= 3 && entry <= 200));
  }
}

TEST_CASE("tables of values that no byte can hold saturate") {
  const Quantization wide{1e30F, 128, {0, 255}};
  const Quantization fine{1e-30F, 7, {2, 250}};
  for (const FunctionKind kind : {FunctionKind::kSilu, FunctionKind::kHardSwish}) {
    const std::vector<std::uint8_t> table = make_table(function(kind), wide, fine);
    CHECK(table[0] == 7);
    CHECK(table[128] == 7);
    CHECK(table[255] == 250);
  }
  const std::vector<std::uint8_t> table = make_table(function(FunctionKind::kTanh), wide, fine);
  CHECK(table[0] == 2);
  CHECK(table[255] == 250);
}
