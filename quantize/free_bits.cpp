#include "quantize/free_bits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

namespace narrow::graph {
namespace {

// The step between two integers, in root mean squares of the weights of an output, that rounds normally distributed
// weights with the least squared error; by bits, computed. (Max, "Quantizing for Minimum Distortion", 1960.)
constexpr std::array<double, 9> kSteps = {0, 0, 0.9957, 0.5860, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308};
// Rounding by the error of outputs makes some sums larger than the nearest integers would.
constexpr double kReserve = 1.15;

// The largest integer of a weight, without its sign.
int largest_weight(int bits) { return bits == 2 ? 2 : QRange::weights(bits).hi; }

// Where a kernel adds all products of an output in 16 bits: about the largest sum of integers of one sign. A lane of
// vpmaddubsw takes two of four neighbouring channels, or all taps of a depthwise window. Nothing for other layers.
std::optional<double> largest_sum(const Convolution& layer, bool by_channel, int weight_bits) {
  const bool is_pointwise = layer.groups == 1 && layer.window.kernel_h == 1 && layer.window.kernel_w == 1;
  if (!by_channel && !is_pointwise) return std::nullopt;
  const auto& weights = layer.filter.weights;
  const std::size_t depth = weights.size() / layer.filter.bias.size();
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
                 farthest / QRange::weights(weight_bits).hi);
    for (const auto& lane : sums) largest = std::max({largest, lane[0] / step, lane[1] / step});
  }
  const double products = by_channel ? static_cast<double>(depth) : std::ceil(static_cast<double>(depth) / 4) * 2;
  return std::min(largest * kReserve, products * largest_weight(weight_bits));
}

}  // namespace

int bits_for_reader(const Node& layer, int weight_bits, const QuantizeOptions& options) {
  const int asked = options.activation_bits;
  if (!options.free_bits || asked >= kMaxBits) return asked;
  // Where all have 2 bits, dense layers look products up and compare sums with thresholds, which is faster.
  if (asked == 2 && (weight_bits == 2 || options.weight_bits == 2)) return asked;
  const auto* const convolution = std::get_if<Convolution>(&layer.op);
  if (convolution == nullptr) return asked;
  const bool by_channel = is_depthwise(layer);
  const std::optional<double> sum = largest_sum(*convolution, by_channel, weight_bits);
  if (!sum) return asked;
  // A depthwise layer adds its bias in 16 bits, too, and gets half of them for it.
  const double most = by_channel ? INT16_MAX / 2 : INT16_MAX;
  int bits = asked;
  while (bits < kMaxBits && QRange::activations(bits + 1).hi * *sum <= most) ++bits;
  return bits;
}

}  // namespace narrow::graph
