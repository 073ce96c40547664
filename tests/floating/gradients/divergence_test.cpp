// The divergence as a loss, and its gradient against difference quotients.
#include "floating/gradients/divergence.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/support/data.h"

namespace narrow::graph {
namespace {

constexpr std::size_t kImages = 3;
constexpr std::size_t kClasses = 7;

double loss(const std::vector<float>& y, const std::vector<float>& target) {
  std::vector<float> dy(y.size());
  return divergence_gradient(y.data(), target.data(), kImages, kClasses, 1, dy.data());
}

std::vector<float> random_scores(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> scores(kImages * kClasses);
  for (float& s : scores) s = normal(random);
  return scores;
}

}  // namespace

TEST_CASE("scores of any size that differ by a constant do not diverge, and have no gradient") {
  for (const float shift : {0.0F, -1000.0F, 60000.0F}) {
    CAPTURE(shift);
    const std::vector<float> target = {1, 2, -8, 0.5F, 4, 3, 2};
    std::vector<float> y = target;
    for (float& s : y) s += shift;
    std::vector<float> dy(y.size());
    CHECK(std::abs(divergence_gradient(y.data(), target.data(), 1, kClasses, 2, dy.data())) < 1e-3);
    for (const float d : dy) CHECK(std::abs(d) < 1e-3F);
  }
}

TEST_CASE("scores that are far apart diverge by their difference, not by an overflow") {
  const std::vector<float> target = {3000, 0};
  const std::vector<float> y = {0, 3000};
  std::vector<float> dy(2);
  CHECK(divergence_gradient(y.data(), target.data(), 1, 2, 1, dy.data()) == doctest::Approx(3000));
  CHECK(dy[0] == -1);
  CHECK(dy[1] == 1);
}

TEST_CASE("the divergence is the sum over images of p log (p / q)") {
  const std::vector<float> target = {std::log(0.75F), std::log(0.25F), 0, 0};
  const std::vector<float> y = {0, 0, std::log(0.9F), std::log(0.1F)};
  std::vector<float> dy(4);
  const double expected =
      0.75 * std::log(0.75 / 0.5) + 0.25 * std::log(0.25 / 0.5) + 0.5 * std::log(0.5 / 0.9) + 0.5 * std::log(0.5 / 0.1);
  CHECK(divergence_gradient(y.data(), target.data(), 2, 2, 1, dy.data()) == doctest::Approx(expected).epsilon(1e-5));
}

TEST_CASE("the gradient of the divergence agrees with difference quotients") {
  const unsigned seed = testing::seed();
  CAPTURE(seed);
  const std::vector<float> y = random_scores(seed);
  const std::vector<float> target = random_scores(seed + 1);
  std::vector<float> dy(y.size());
  constexpr float kFactor = 0.25F;
  (void)divergence_gradient(y.data(), target.data(), kImages, kClasses, kFactor, dy.data());
  constexpr float kStep = 0x1p-8F;
  for (std::size_t i = 0; i < y.size(); ++i) {
    CAPTURE(i);
    std::vector<float> up = y;
    std::vector<float> down = y;
    up[i] += kStep;
    down[i] -= kStep;
    const double quotient = (loss(up, target) - loss(down, target)) / (double{up[i]} - double{down[i]});
    CHECK(double{dy[i]} == doctest::Approx(double{kFactor} * quotient).epsilon(1e-3).scale(0.01));
  }
}

}  // namespace narrow::graph
