#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "quantize/activation_quantization.h"
#include "tests/support/data.h"

namespace narrow::graph {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr Clamp kRelu{0.0F, kInf};
constexpr Clamp kRelu6{0.0F, 6.0F};

Quantization choose(float min, float max, int bits, const Clamp& clamp = {}) {
  return choose_quantization({min, max, 1}, bits, clamp, "t").value();
}
double real(const Quantization& q, int integer) { return double{q.scale} * (integer - q.zero_point); }

}  // namespace

TEST_CASE("activation ranges hold for all bit widths with zero exact") {
  std::mt19937 generator(testing::seed());
  std::uniform_real_distribution<float> exponent(-8.0F, 8.0F);
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    const QRange all = QRange::activations(bits);
    for (int i = 0; i < 500; ++i) {
      const float a = (i % 3 == 0 ? -1.0F : 1.0F) * std::exp2(exponent(generator));
      const float b = a + std::exp2(exponent(generator));
      const Quantization q = choose(a, b, bits);
      CHECK(q.range == all);
      CHECK(q.range.contains(q.zero_point));
      CHECK(real(q, q.zero_point) == 0.0);
      // Widened to zero, both ends are represented to within a step.
      CHECK(std::abs(real(q, all.lo) - std::min(0.0F, a)) <= 0.5001 * double{q.scale});
      CHECK(std::abs(real(q, all.hi) - std::max(0.0F, b)) <= 0.5001 * double{q.scale});
      if (a >= 0) CHECK(q.zero_point == 0);
      if (b <= 0) CHECK(q.zero_point == all.hi);
    }
  }
}

TEST_CASE("activation parameters of known ranges") {
  CHECK(choose(0.0F, 255.0F, 8) == Quantization{1.0F, 0, {0, 255}});
  CHECK(choose(-1.0F, 2.0F, 2) == Quantization{1.0F, 1, {0, 3}});
  CHECK(choose(5.0F, 15.0F, 4) == Quantization{1.0F, 0, {0, 15}});
  CHECK(choose(-30.0F, -15.0F, 4) == Quantization{2.0F, 15, {0, 15}});
  // Halves go to even: 1.5 and 2.5 steps.
  CHECK(choose(-1.5F, 1.5F, 2) == Quantization{1.0F, 2, {0, 3}});
  CHECK(choose(-2.5F, 4.5F, 3) == Quantization{1.0F, 2, {0, 7}});
}

TEST_CASE("a clamp becomes the range of integers") {
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    const int levels = QRange::activations(bits).hi;
    // ReLU: the lowest integer is the zero point, also for an observation from before the clamp.
    for (const float min : {0.0F, 0.3F, -1.0F, -100.0F}) {
      const Quantization q = choose(min, 4.0F, bits, kRelu);
      CHECK(q.range.lo == q.zero_point);
      CHECK(q.range.hi == levels);
      CHECK(q.zero_point == 0);
    }
    const Quantization full = choose(0.0F, 6.0F, bits, kRelu6);
    CHECK(full.range == QRange{0, levels});
    const Quantization part = choose(0.0F, 2.0F, bits, kRelu6);
    CHECK(part.range == QRange{0, levels});
    CHECK(part.scale == static_cast<float>(2.0 / levels));
  }
  // What lies beyond a clamp is no reason for wider steps.
  CHECK(choose(-10.0F, 245.0F, 8, {-4.0F, 251.0F}) == choose(-4.0F, 245.0F, 8));
  // Steps have a smallest size; a clamp far below it leaves few of them.
  CHECK(choose(-1.0F, 1.0F, 8, {-0x1p-35F, 0.0F}).range.hi == choose(-1.0F, 1.0F, 8, {-0x1p-35F, 0.0F}).zero_point);
  CHECK(choose(-1.0F, 1.0F, 8, {-0x1p-35F, 0.0F}) ==
        Quantization{static_cast<float>(kMinActivationScale), 32, {0, 32}});
}

TEST_CASE("degenerate activation ranges stay usable") {
  CHECK(choose(0.0F, 0.0F, 8) == Quantization{1.0F, 0, {0, 255}});
  CHECK(choose(-0.0F, 0.0F, 4, kRelu) == Quantization{1.0F, 0, {0, 15}});
  CHECK(choose(0.0F, 0.0F, 2, kRelu6) == Quantization{1.0F, 0, {0, 3}});
  CHECK(choose(0.0F, 0.0F, 8, kRelu6) == Quantization{static_cast<float>(6.0 / 255), 0, {0, 255}});
  CHECK(choose(0.0F, 0.0F, 8, {-kInf, 0.0F}) == Quantization{1.0F, 255, {0, 255}});
  for (const float tiny : {std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::min(), 1e-20F}) {
    const Quantization q = choose(-tiny, tiny, 8);
    CHECK(double{q.scale} == kMinActivationScale);
    CHECK(q.range.contains(q.zero_point));
  }
  const auto error = [](float min, float max, const Clamp& clamp) {
    const auto result = choose_quantization({min, max, 1}, 8, clamp, "tensor");
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().where == "tensor");
    return result.error().code;
  };
  CHECK(error(-3e38F, 3e38F, {}) == ErrorCode::kUnsupported);
  CHECK(error(1.0F, -1.0F, {}) == ErrorCode::kInvalidArgument);
  CHECK(error(0.0F, kInf, {}) == ErrorCode::kInvalidArgument);
  CHECK(error(std::numeric_limits<float>::quiet_NaN(), 1.0F, {}) == ErrorCode::kInvalidArgument);
  // A clamp without zero stays beside the range, which holds zero.
  CHECK(choose(1.0F, 2.0F, 8, {1.0F, 2.0F}) == Quantization{static_cast<float>(2.0 / 255), 0, {0, 255}});
  CHECK(choose(-2.0F, -1.0F, 8, {-2.0F, -1.0F}) == Quantization{static_cast<float>(2.0 / 255), 255, {0, 255}});
  CHECK(error(0.0F, 0.0F, {0.0F, 0.0F}) == ErrorCode::kUnsupported);
  CHECK(error(0.0F, 1e6F, {0.0F, 1e-20F}) == ErrorCode::kUnsupported);
}

}  // namespace narrow::graph
