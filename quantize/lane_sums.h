// Sums of weights as the kernels' 16-bit lanes add them: docs/numerics.md, "Free bits".
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace narrow::graph {

// What a lane adds. A lane of vpmaddubsw takes two of four neighbouring input channels of a 1x1 layer, or all taps of a
// depthwise window.
struct LaneLimit {
  double largest_sum = 0;    // of integer weights of one sign; 0: any
  std::size_t channels = 0;  // input channels of a 1x1 layer whose products are added before the sum is widened
  bool is_depthwise = false;

  [[nodiscard]] bool is_set() const { return largest_sum > 0; }
};

// The largest sum of the magnitudes of weights of one sign that one lane adds, of one output channel.
template <class Weight>
[[nodiscard]] double largest_lane_sum(const Weight* weights, std::size_t depth, const LaneLimit& lanes) {
  std::array<std::array<double, 2>, 2> sums{};
  double largest = 0;
  for (std::size_t k = 0; k < depth; ++k) {
    const auto w = static_cast<double>(weights[k]);
    if (!lanes.is_depthwise && k % lanes.channels == 0) sums = {};
    double& sum = sums[lanes.is_depthwise ? 0 : k / 2 % 2][w < 0 ? 1 : 0];
    sum += std::abs(w);
    largest = std::max(largest, sum);
  }
  return largest;
}

}  // namespace narrow::graph
