// Sums of weights as the kernels' 16-bit lanes add them: docs/numerics.md, "Free bits".
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace narrow::graph {

// Input channels of a 1x1 layer whose products are added in 16 bits before the sum is widened. Widening after each 64
// takes a sixteenth of the time of their products: two instructions for 32.
inline constexpr std::size_t kRunChannels = 64;

// The largest sum of the magnitudes of weights of one sign that one lane adds, of one output channel. A lane of
// vpmaddubsw takes two of four neighbouring input channels of a run, or all taps of a depthwise window.
template <class Weight>
[[nodiscard]] double largest_lane_sum(const Weight* weights, std::size_t depth, bool is_depthwise) {
  std::array<std::array<double, 2>, 2> lanes{};
  double largest = 0;
  for (std::size_t k = 0; k < depth; ++k) {
    const auto w = static_cast<double>(weights[k]);
    if (!is_depthwise && k % kRunChannels == 0) lanes = {};
    double& lane = lanes[is_depthwise ? 0 : k / 2 % 2][w < 0 ? 1 : 0];
    lane += std::abs(w);
    largest = std::max(largest, lane);
  }
  return largest;
}

// What a lane can add.
struct LaneLimit {
  double largest_sum = 0;  // of integer weights; 0: any
  bool is_depthwise = false;

  [[nodiscard]] bool is_set() const { return largest_sum > 0; }
};

}  // namespace narrow::graph
