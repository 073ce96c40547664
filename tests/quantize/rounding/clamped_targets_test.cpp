// What rounding aims at where a clamp follows.
#include "quantize/rounding/clamped_targets.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/data.h"

namespace narrow::graph {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// One weight of 1, so that the layer gives its input: levels of 0.5.
std::vector<float> aimed(const Clamp& clamp, const std::vector<std::int16_t>& levels, std::vector<float> targets,
                         float corrected = 0.5F) {
  const std::vector<float> weights = {1};
  const std::vector<float> bias = {0};
  aim_behind_clamp({1, 1, 1, weights, bias, clamp, corrected}, 0.5, levels, levels.size(), targets);
  return targets;
}

}  // namespace

TEST_CASE("an error that the clamp takes away is not corrected") {
  const Clamp relu6{0, 6};
  // Below zero and above six on both sides: what the layer gives stays.
  CHECK(aimed(relu6, {-8, -2, 14, 20}, {-1, -7, 9, 6.5F}) == std::vector<float>{-4, -1, 7, 10});
}

TEST_CASE("half of the difference behind the clamp is corrected") {
  const Clamp relu{0, kInfinity};
  CHECK(aimed(relu, {4, 4, -4}, {3, -5, 1}) == std::vector<float>{2.5F, 1, -1.5F});
  CHECK(aimed(Clamp{-kInfinity, kInfinity}, {4, -4}, {3, -5}) == std::vector<float>{2.5F, -3.5F});
}

TEST_CASE("a share of all takes the output behind the clamp to the float network's") {
  CHECK(aimed({0, kInfinity}, {4, 4, -4}, {3, -5, 1}, 1) == std::vector<float>{3, 0, -1});
}

TEST_CASE("errors of inputs are corrected wholly where weights cause them, and by half where inputs have few bits") {
  for (int weights = 2; weights < 8; ++weights) CHECK(corrected_share(8, weights) == 1.0F);
  for (int inputs = 2; inputs < 8; ++inputs) {
    for (int weights = 2; weights <= 8; ++weights) CHECK(corrected_share(inputs, weights) == 0.5F);
  }
  CHECK(corrected_share(8, 8) == 0.5F);
}

TEST_CASE("what rounded inputs do not change stays as it is") {
  CHECK(aimed(Clamp{0, 6}, {2, 12}, {1, 6}) == std::vector<float>{1, 6});
}

TEST_CASE("targets of groups and channels are those of the formula") {
  std::mt19937 generator(testing::seed());
  std::uniform_real_distribution<float> real(-2, 2);
  constexpr std::size_t kGroups = 3;
  constexpr std::size_t kDepth = 5;
  constexpr std::size_t kRows = 2;
  constexpr std::size_t kSamples = 7;
  std::vector<float> weights(kGroups * kRows * kDepth);
  std::vector<float> bias(kGroups * kRows);
  std::vector<std::int16_t> levels(kGroups * kDepth * kSamples);
  std::vector<float> targets(kGroups * kRows * kSamples);
  for (float& w : weights) w = real(generator);
  for (float& b : bias) b = real(generator);
  for (float& t : targets) t = 3 * real(generator);
  for (std::int16_t& x : levels) x = static_cast<std::int16_t>(static_cast<int>(generator() % 31) - 15);
  const std::vector<float> before = targets;
  const Clamp clamp{-1, 2};
  aim_behind_clamp({kGroups, kDepth, kRows, weights, bias, clamp, 0.5F}, 0.125, levels, kSamples, targets);
  for (std::size_t row = 0; row < kGroups * kRows; ++row) {
    for (std::size_t s = 0; s < kSamples; ++s) {
      double given = double{bias[row]};
      for (std::size_t k = 0; k < kDepth; ++k) {
        given += double{weights[row * kDepth + k]} * 0.125 * levels[(row / kRows * kDepth + k) * kSamples + s];
      }
      const double wanted = std::clamp(double{before[row * kSamples + s]}, -1.0, 2.0);
      const double expected = given + (wanted - std::clamp(given, -1.0, 2.0)) / 2;
      CHECK(double{targets[row * kSamples + s]} == doctest::Approx(expected).epsilon(1e-5));
    }
  }
}

}  // namespace narrow::graph
