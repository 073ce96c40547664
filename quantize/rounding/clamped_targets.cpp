#include "quantize/rounding/clamped_targets.h"

#include <Eigen/Core>
#include <algorithm>
#include <vector>

namespace narrow::graph {

float corrected_share(int input_bits, int weight_bits) { return input_bits == 8 && weight_bits < 8 ? 1.0F : 0.5F; }

void aim_behind_clamp(const ClampedLayer& layer, double scale, std::span<const std::int16_t> inputs,
                      std::size_t samples, std::span<float> targets) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto rows = static_cast<Eigen::Index>(layer.rows);
  const auto depth = static_cast<Eigen::Index>(layer.depth);
  const auto count = static_cast<Eigen::Index>(samples);
  const auto step = static_cast<float>(scale);
  const auto clamped = [&](float x) { return std::clamp(x, layer.clamp.lo, layer.clamp.hi); };
  std::vector<float> input(layer.depth * samples);
  Matrix given(rows, count);
  for (std::size_t g = 0; g < layer.groups; ++g) {
    const std::int16_t* const from = inputs.data() + g * input.size();
    std::transform(from, from + input.size(), input.begin(),
                   [step](std::int16_t level) { return static_cast<float>(level) * step; });
    const Eigen::Map<const Matrix> weights(layer.weights.data() + g * layer.rows * layer.depth, rows, depth);
    const Eigen::Map<const Matrix> x(input.data(), depth, count);
    given.noalias() = weights * x;
    for (std::size_t r = 0; r < layer.rows; ++r) {
      const float bias = layer.bias[g * layer.rows + r];
      float* const target = targets.data() + (g * layer.rows + r) * samples;
      const float* const y = given.data() + r * samples;
      for (std::size_t s = 0; s < samples; ++s) {
        const float now = y[s] + bias;
        target[s] = now + layer.corrected * (clamped(target[s]) - clamped(now));
      }
    }
  }
}

}  // namespace narrow::graph
