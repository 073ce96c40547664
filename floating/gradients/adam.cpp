#include "floating/gradients/adam.h"

#include <cmath>

namespace narrow::graph {
namespace {

constexpr float kMeanDecay = 0.9F;
constexpr float kSquareDecay = 0.999F;
constexpr float kEpsilon = 1e-8F;

}  // namespace

void Adam::step(std::span<float> parameters, std::span<const float> gradient, std::span<const float> rates,
                float factor) {
  state_.mean_weight *= double{kMeanDecay};
  state_.square_weight *= double{kSquareDecay};
  const auto scale = static_cast<float>(double{factor} / (1 - state_.mean_weight));
  const auto unbias = static_cast<float>(1 / std::sqrt(1 - state_.square_weight));
  float* const m = state_.mean.data();
  float* const v = state_.square.data();
  float* const p = parameters.data();
  const float* const g = gradient.data();
  const float* const r = rates.data();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    m[i] = kMeanDecay * m[i] + (1 - kMeanDecay) * g[i];
    v[i] = kSquareDecay * v[i] + (1 - kSquareDecay) * (g[i] * g[i]);
    p[i] -= scale * r[i] * m[i] / (std::sqrt(v[i]) * unbias + kEpsilon);
  }
}

void add_to(std::span<const float> from, std::span<float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += from[i];
}

}  // namespace narrow::graph
