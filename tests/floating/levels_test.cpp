#include "floating/levels.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace narrow::graph {

TEST_CASE("the level of a real number that a level gave is that level, for scales of every size") {
  std::vector<float> scales = {0x1p-126F, 0x1.fffffep-126F, 0x1p96F, 0x1.fffffep95F};
  float scale = 0x1.000002p-120F;
  while (scale < 0x1p95F) {
    scales.push_back(scale);
    scale *= 1.7F;
  }
  for (const float s : scales) {
    const Levels levels(Quantization{s, 128, {0, 255}});
    for (int level = -255; level <= 255; ++level) {
      const auto want = static_cast<float>(level);
      CHECK(levels.of(levels.real(want)) == want);
    }
  }
}

TEST_CASE("the closest level is found with halves to even, within the range") {
  const Levels levels(Quantization{1.0F, 128, {1, 250}});
  for (int i = -1200; i <= 1200; ++i) {
    const float steps = static_cast<float>(i) / 8;
    const float want = std::fmin(std::fmax(std::nearbyint(steps), -127.0F), 122.0F);
    CHECK(levels.nearest(steps) == want);
    CHECK_FALSE(std::signbit(levels.nearest(steps)) != (want < 0));
  }
  CHECK(levels.nearest(std::nextafter(0.5F, 1.0F)) == 1.0F);
  CHECK(levels.nearest(std::nextafter(1.5F, 0.0F)) == 1.0F);
  CHECK(levels.nearest(std::numeric_limits<float>::infinity()) == 122.0F);
  CHECK(levels.nearest(-std::numeric_limits<float>::infinity()) == -127.0F);
  CHECK(levels.nearest(3e38F) == 122.0F);
  CHECK(levels.nearest(std::numeric_limits<float>::quiet_NaN()) == -127.0F);
}

}  // namespace narrow::graph
