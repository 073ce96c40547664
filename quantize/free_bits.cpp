#include "quantize/free_bits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <variant>

#include "quantize/lane_sums.h"

namespace narrow::graph {
namespace {

// The step between two integers, in root mean squares of the weights of an output, that rounds normally distributed
// weights with the least squared error; by bits, computed. (Max, "Quantizing for Minimum Distortion", 1960.)
constexpr std::array<double, 9> kSteps = {0, 0, 0.9957, 0.5860, 0.3352, 0.1881, 0.1041, 0.0569, 0.0308};
// Rounding by the error of outputs makes some sums larger than the nearest integers would.
constexpr double kReserve = 1.15;
// A channel whose sum would leave 16 bits gets a larger step. Bits are free while the squares of steps are expected to
// grow by at most this much in the mean of all channels, and none to more than double.
constexpr double kMostError = 1.25;
constexpr double kLargestRaise = 2;
// Input channels of a 1x1 layer whose products are added in 16 bits. Up to kWholeDepth there are kernels that add all
// of them, which are up to a third faster. Deeper layers widen their sums in any case; every 64 channels, that takes a
// sixteenth of the time of their products. So do layers for which 6 bits of activations or more are asked: few of them
// could add all of their depth.
constexpr std::size_t kWholeDepth = 256;
constexpr std::size_t kRunChannels = 64;
constexpr int kBitsOfRuns = 6;
// One scale serves all channels of a tensor, but one channel of weights. Activations need more bits for that.
constexpr int kActivationLead = 3;
// Of the bytes that weights take with the bits that were asked for.
constexpr double kMostGrowth = 0.1;

// The largest integer of a weight, without its sign.
int largest_weight(int bits) { return bits == 2 ? 2 : QRange::weights(bits).hi; }

// Dense layers of 2 bits look products up and compare sums with thresholds, which is faster than any sum.
bool all_have_two_bits(const QuantizeOptions& options) {
  return options.weight_bits == 2 && options.activation_bits == 2;
}

std::size_t count_weights(const Node& node) {
  const Filter* const filter = filter_of(node);
  return filter == nullptr ? 0 : filter->weights.size();
}

// Numbers of weights times bits.
struct WeightBits {
  double asked = 0;
  double more = 0;
};

WeightBits count_bits(const Graph& graph, const std::vector<bool>& may, const std::vector<int>& weight_bits,
                      int asked) {
  WeightBits result;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto weights = static_cast<double>(count_weights(graph.nodes[n]));
    result.asked += weights * (may[n] ? asked : weight_bits[n]);
    result.more += may[n] ? weights * (weight_bits[n] - asked) : 0;
  }
  return result;
}

}  // namespace

FreeBitPlanner::FreeBitPlanner(const Graph& graph, const QuantizeOptions& options)
    : graph_(graph), options_(options), layers_(graph.nodes.size()) {
  if (options.free_bits == FreeBits::kOff) return;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto* const convolution = std::get_if<Convolution>(&graph.nodes[n].op);
    if (convolution == nullptr || convolution->filter.bias.empty()) continue;
    const bool by_channel = is_depthwise(graph.nodes[n]);
    const bool is_pointwise =
        convolution->groups == 1 && convolution->window.kernel_h == 1 && convolution->window.kernel_w == 1;
    if (!by_channel && !is_pointwise) continue;
    Layer& layer = layers_[n];
    const auto& weights = convolution->filter.weights;
    layer.depth = weights.size() / convolution->filter.bias.size();
    const bool is_whole = layer.depth <= kWholeDepth && options.activation_bits < kBitsOfRuns;
    layer.lanes = {.channels = is_whole ? kWholeDepth : kRunChannels, .is_depthwise = by_channel};
    Sums all;
    for (std::size_t from = 0; from + layer.depth <= weights.size() && layer.depth > 0; from += layer.depth) {
      Sums sums;
      double squares = 0;
      for (std::size_t k = from; k < from + layer.depth; ++k) {
        const double w{weights[k]};
        squares += w * w;
        sums.farthest = std::max(sums.farthest, std::abs(w));
      }
      sums.largest = largest_lane_sum(weights.data() + from, layer.depth, layer.lanes);
      sums.root_mean_square = std::sqrt(squares / static_cast<double>(layer.depth));
      all.farthest = std::max(all.farthest, sums.farthest);
      all.root_mean_square += squares / static_cast<double>(weights.size());
      layer.outputs.push_back(sums);
    }
    layer.is_zero = all.farthest == 0;
    if (!options.per_tensor_weights) continue;
    for (Sums& sums : layer.outputs) {
      sums.farthest = all.farthest;
      sums.root_mean_square = std::sqrt(all.root_mean_square);
    }
  }
}

bool FreeBitPlanner::fits(const Layer& layer, int weight_bits, int activation_bits) const {
  // Weights of 8 bits are as fine as can be. With a goal, bits are compared, and steps are part of them.
  const bool may_raise = weight_bits < kMaxBits && !options_.goal;
  const std::size_t run =
      layer.lanes.is_depthwise ? layer.depth : (std::min(layer.depth, layer.lanes.channels) + 3) / 4 * 2;
  const double most = static_cast<double>(run) * largest_weight(weight_bits);
  const double limit = static_cast<double>(INT16_MAX) / QRange::activations(activation_bits).hi;
  std::vector<double> squares;  // of how much larger steps become
  squares.reserve(layer.outputs.size());
  for (const Sums& sums : layer.outputs) {
    if (sums.farthest == 0) continue;
    // Where no weight is far from the others, the largest one has the largest integer.
    const double step = std::min(kSteps[static_cast<std::size_t>(weight_bits)] * sums.root_mean_square,
                                 sums.farthest / QRange::weights(weight_bits).hi);
    const double raise = std::max(1.0, std::min(sums.largest / step * kReserve, most) / limit);
    if (raise > (may_raise ? kLargestRaise : 1)) return false;
    squares.push_back(raise * raise);
  }
  if (squares.empty()) return true;
  // One scale for all channels is that of the channel with the largest step.
  const double error = options_.per_tensor_weights
                           ? *std::max_element(squares.begin(), squares.end())
                           : std::accumulate(squares.begin(), squares.end(), 0.0) / static_cast<double>(squares.size());
  return error <= kMostError;
}

LaneLimit FreeBitPlanner::lanes(std::size_t layer, int weight_bits, int activation_bits) const {
  const Layer& now = layers_[layer];
  if (weight_bits == kMaxBits || options_.goal || now.outputs.empty() || now.is_zero) return {};
  if (!fits(now, weight_bits, activation_bits)) return {};
  LaneLimit limit = now.lanes;
  limit.largest_sum = static_cast<double>(INT16_MAX / QRange::activations(activation_bits).hi);
  return limit;
}

int FreeBitPlanner::for_reader(std::size_t layer, int weight_bits) const {
  int bits = options_.activation_bits;
  if (layers_[layer].outputs.empty() || (bits == 2 && (weight_bits == 2 || options_.weight_bits == 2))) return bits;
  while (bits < kMaxBits && fits(layers_[layer], weight_bits, bits + 1)) ++bits;
  return bits;
}

// Bits are handed out one by one until the sum is full.
int FreeBitPlanner::shared_weight_bits(const Layer& layer, int weight_bits) const {
  int activation_bits = options_.activation_bits;
  while (true) {
    const bool takes_weights = weight_bits < kMaxBits && fits(layer, weight_bits + 1, activation_bits);
    const bool takes_activations = activation_bits < kMaxBits && fits(layer, weight_bits, activation_bits + 1);
    if (takes_activations && (!takes_weights || activation_bits < weight_bits + kActivationLead)) {
      ++activation_bits;
    } else if (takes_weights) {
      ++weight_bits;
    } else {
      return weight_bits;
    }
  }
}

double FreeBitPlanner::growth(const std::vector<bool>& may, const std::vector<int>& weight_bits) const {
  const WeightBits bits = count_bits(graph_, may, weight_bits, options_.weight_bits);
  return bits.asked > 0 ? bits.more / bits.asked : 0;
}

void FreeBitPlanner::raise_to(const std::vector<int>& limits, const std::vector<bool>& may,
                              std::vector<int>& weight_bits) const {
  WeightBits bits = count_bits(graph_, may, weight_bits, options_.weight_bits);
  std::vector<bool> open = may;
  // A bit quarters the squared error of rounding. Without knowing better, that of all layers counts alike.
  const auto price = [&](std::size_t n) {
    return static_cast<double>(count_weights(graph_.nodes[n])) * std::pow(4.0, weight_bits[n]);
  };
  while (true) {
    std::size_t next = graph_.nodes.size();
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      open[n] = open[n] && weight_bits[n] < limits[n];
      if (open[n] && (next == graph_.nodes.size() || price(n) < price(next))) next = n;
    }
    if (next == graph_.nodes.size()) return;
    const double more = bits.more + static_cast<double>(count_weights(graph_.nodes[next]));
    if (more > kMostGrowth * bits.asked) {
      open[next] = false;
      continue;
    }
    ++weight_bits[next];
    bits.more = more;
  }
}

bool FreeBitPlanner::gives_free_weight_bits() const {
  return options_.free_bits == FreeBits::kOn && options_.weight_bits < kMaxBits;
}

void FreeBitPlanner::raise_weights(const std::vector<bool>& may, std::vector<int>& weight_bits) const {
  if (all_have_two_bits(options_)) return;
  std::vector<int> limits = weight_bits;
  for (std::size_t n = 0; n < limits.size(); ++n) {
    const Layer& layer = layers_[n];
    if (may[n] && !layer.is_zero) limits[n] = shared_weight_bits(layer, weight_bits[n]);
  }
  raise_to(limits, may, weight_bits);
}

void FreeBitPlanner::fit_weights(const std::vector<bool>& may, const std::vector<int>& input_bits,
                                 std::vector<int>& weight_bits) const {
  std::vector<int> limits = weight_bits;
  for (std::size_t n = 0; n < limits.size(); ++n) {
    const Layer& layer = layers_[n];
    if (!may[n] || layer.is_zero || (all_have_two_bits(options_) && !layer.lanes.is_depthwise)) continue;
    int& bits = limits[n];
    while (bits < kMaxBits && fits(layer, bits + 1, input_bits[n])) ++bits;
    while (bits > options_.weight_bits && !fits(layer, bits, input_bits[n])) --bits;
    weight_bits[n] = std::min(weight_bits[n], bits);
  }
  raise_to(limits, may, weight_bits);
}

}  // namespace narrow::graph
