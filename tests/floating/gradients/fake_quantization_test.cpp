// Simulated quantization with learned parameters, against its defining formulas in float64.
#include "floating/gradients/fake_quantization.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/graph/random_graph.h"

namespace narrow::graph {
namespace {

using testing::GraphBuilder;

std::vector<float> normal(std::size_t count, float deviation) {
  std::mt19937 random(7);
  std::normal_distribution<float> distribution(0, deviation);
  std::vector<float> values(count);
  for (float& x : values) x = distribution(random);
  return values;
}

}  // namespace

TEST_CASE(
    "activations are clamped and rounded to levels, and their gradients are those of the straight-through estimator") {
  const LearnedGrid grid{0.5F, -3.0F, 12.0F, {-10.0F, 4.0F}};
  for (const std::size_t count : {std::size_t{1}, std::size_t{15}, std::size_t{9001}}) {
    const std::vector<float> x = normal(count, 3);
    const std::vector<float> upstream = normal(count, 1);
    std::vector<float> y(count);
    round_activations(grid, {.is_on = false}, x.data(), y.data(), count);
    std::vector<float> dx = upstream;
    const double step = step_gradient(grid, {.is_on = false}, x.data(), dx.data(), count);
    double want = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double clamped = std::clamp(double{x[i]}, -10.0, 4.0);
      const double level = std::nearbyint(std::clamp(clamped / 0.5, -3.0, 12.0));
      CHECK(double{y[i]} == level * 0.5);
      const bool passes = x[i] >= -1.5F && x[i] <= 4.0F;
      CHECK(dx[i] == (passes ? upstream[i] : 0.0F));
      want += double{upstream[i]} * (passes ? level - clamped / 0.5 : level);
    }
    CHECK(step == doctest::Approx(want).epsilon(1e-4));
  }
}

TEST_CASE("chosen elements are about half of all, the same in both directions, and stay unrounded") {
  const LearnedGrid grid{1.0F, 0.0F, 15.0F, GraphBuilder::kRelu};
  const std::vector<float> x(10000, 0.3F);
  std::vector<float> y(x.size());
  round_activations(grid, {.seed = 5}, x.data(), y.data(), x.size());
  const auto kept = std::count(y.begin(), y.end(), 0.3F);
  CHECK(kept > 4800);
  CHECK(kept < 5200);
  CHECK(kept + std::count(y.begin(), y.end(), 0.0F) == 10000);
  std::vector<float> dx(x.size(), 1.0F);
  CHECK(step_gradient(grid, {.seed = 5}, x.data(), dx.data(), x.size()) ==
        doctest::Approx(-0.3 * static_cast<double>(10000 - kept)).epsilon(1e-4));
  const std::vector<float> ones(x.size(), 1.0F);
  std::vector<float> chosen(x.size());
  choose_elements({.seed = 5}, x.data(), ones.data(), chosen.data(), x.size());
  CHECK(std::count(chosen.begin(), chosen.end(), 0.3F) == kept);
}

TEST_CASE("weights are rounded in levels; the gradient of their scale is exact, that of a weight ends at the range") {
  const std::vector<float> w{-9.0F, -1.4F, 0.4F, 1.6F, 7.0F, 8.0F};
  std::vector<float> rounded(w.size());
  round_weights(0.25F, {-7, 7}, w.data(), rounded.data(), w.size());
  CHECK(rounded == std::vector<float>{-1.75F, -0.25F, 0.0F, 0.5F, 1.75F, 1.75F});
  std::vector<float> gradient{1, 2, 3, 4, 5, 6};
  CHECK(scale_gradient(0.25F, {-7, 7}, w.data(), gradient.data(), w.size()) == -7 - 2 + 0 + 8 + 35 + 42);
  CHECK(gradient == std::vector<float>{0.0F, 0.5F, 0.75F, 1.0F, 1.25F, 0.0F});
}

}  // namespace narrow::graph
