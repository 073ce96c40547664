#include "quantize/free_bits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <variant>

namespace narrow::graph {
namespace {

// The step between two integers, in root mean squares of the weights of an output, that rounds normally distributed
// weights with the least squared error; by bits. (Max, "Quantizing for Minimum Distortion", 1960.)
constexpr std::array<double, 9> kSteps = {0, 0, 0.9957, 0.5860, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308};
// Rounding by the error of outputs makes some sums larger than the nearest integers would.
constexpr double kReserve = 1.125;

// About the largest sum of integers of one sign that a kernel adds up in 16 bits, where it does so with all of an
// output's weights: a lane of vpmaddubsw takes two of four neighbouring channels, or all taps of a depthwise window.
// 0: it does not.
double largest_sum(const Node& node, int weight_bits) {
  const auto* const convolution = std::get_if<Convolution>(&node.op);
  if (convolution == nullptr) return 0;
  const bool by_channel = is_depthwise(node);
  const bool is_pointwise =
      convolution->groups == 1 && convolution->window.kernel_h == 1 && convolution->window.kernel_w == 1;
  if (!by_channel && !is_pointwise) return 0;
  const auto& weights = convolution->filter.weights;
  const std::size_t depth = weights.size() / convolution->filter.bias.size();
  double largest = 0;
  for (std::size_t from = 0; from + depth <= weights.size() && depth > 0; from += depth) {
    double squares = 0;
    double farthest = 0;
    std::array<std::array<double, 2>, 2> sums{};  // by lane and sign
    for (std::size_t k = 0; k < depth; ++k) {
      const double w{weights[from + k]};
      squares += w * w;
      farthest = std::max(farthest, std::abs(w));
      sums[by_channel ? 0 : k / 2 % 2][w < 0 ? 1 : 0] += std::abs(w);
    }
    if (squares == 0) continue;
    // Where no weight is far from the others, the largest one has the largest integer.
    const double step =
        std::min(kSteps[static_cast<std::size_t>(weight_bits)] * std::sqrt(squares / static_cast<double>(depth)),
                 farthest / (std::ldexp(1, weight_bits - 1) - 1));
    for (const auto& lane : sums) largest = std::max({largest, lane[0] / step, lane[1] / step});
  }
  const double products = by_channel ? static_cast<double>(depth) : std::ceil(static_cast<double>(depth) / 4) * 2;
  return std::min(largest * kReserve, std::ldexp(products, weight_bits - 1));
}

}  // namespace

int bits_for_reader(const Node& layer, int weight_bits, const QuantizeOptions& options) {
  const int asked = options.activation_bits;
  if (!options.free_bits || asked >= kMaxBits) return asked;
  // Where all have 2 bits, dense layers look products up and compare sums with thresholds, which is faster.
  if (asked == 2 && weight_bits == 2) return asked;
  const double sum = largest_sum(layer, weight_bits);
  if (sum == 0) return asked;
  int bits = asked;
  while (bits < kMaxBits && (std::ldexp(1, bits + 1) - 1) * sum <= INT16_MAX) ++bits;
  return bits;
}

}  // namespace narrow::graph
