#include "rewrites/pre_quantized_weights.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "graph/quantization.h"

namespace narrow::graph {
namespace {

constexpr double kMinNormal = std::numeric_limits<float>::min();
constexpr std::int8_t kLowest = -128;
constexpr float kLargestInteger = 127;
// As in weight_quantization.h: it leaves the same share of the accumulator to the products.
constexpr double kMaxBias = 0x1p+30;
// Covers the rounding of a scale to single precision.
constexpr double kScaleMargin = 1.0 + 0x1p-20;

std::size_t depth_of(const Filter& filter) {
  return filter.pre_quantized->integers.size() / filter.pre_quantized->scales.size();
}

// Whether scale times factor is not a normal float. The channel's weights then become zero, whatever the sign.
bool vanishes(float scale, double factor) { return double{scale} * std::abs(factor) < kMinNormal; }

}  // namespace

bool can_scale_integers(const Filter& filter, std::size_t channel, double factor) {
  if (factor >= 0 || vanishes(filter.pre_quantized->scales[channel], factor)) return true;
  const auto depth = static_cast<std::ptrdiff_t>(depth_of(filter));
  const std::int8_t* const first =
      filter.pre_quantized->integers.begin() + static_cast<std::ptrdiff_t>(channel) * depth;
  return std::find(first, first + depth, kLowest) == first + depth;
}

bool scale_integers(Filter& filter, const std::vector<double>& factors) {
  PreQuantizedWeights& pre_quantized = *filter.pre_quantized;
  const std::size_t depth = depth_of(filter);
  std::vector<std::int8_t>& integers = pre_quantized.integers.edit();
  std::vector<float>& weights = filter.weights.edit();
  for (std::size_t c = 0; c < pre_quantized.scales.size(); ++c) {
    const double scale = double{pre_quantized.scales[c]} * std::abs(factors[c]);
    if (!(scale <= double{std::numeric_limits<float>::max()})) return false;
    int sign = factors[c] < 0 ? -1 : 1;
    if (vanishes(pre_quantized.scales[c], factors[c])) {
      sign = 0;
    } else {
      pre_quantized.scales[c] = static_cast<float>(scale);
    }
    for (std::size_t i = c * depth; i < (c + 1) * depth; ++i) {
      integers[i] = static_cast<std::int8_t>(integers[i] * sign);
      weights[i] = static_cast<float>(integers[i]) * pre_quantized.scales[c];
      if (!std::isfinite(weights[i])) return false;
    }
  }
  return true;
}

void add_weight_integers(Filter& filter) {
  std::vector<std::int8_t> integers;
  std::vector<float> scales;
  for (float& weight : filter.weights.edit()) {
    const float scale = std::abs(weight) / kLargestInteger;
    const bool is_zero = double{scale} < kMinNormal;
    scales.push_back(is_zero ? 1.0F : scale);
    integers.push_back(static_cast<std::int8_t>(is_zero ? 0.0F : std::copysign(kLargestInteger, weight)));
    weight = static_cast<float>(integers.back()) * scales.back();
  }
  filter.pre_quantized = PreQuantizedWeights{std::move(integers), std::move(scales)};
}

Result<QuantizedFilter> pre_quantized_filter(const Filter& filter, const Quantization& input) {
  const PreQuantizedWeights& pre_quantized = *filter.pre_quantized;
  const std::size_t depth = depth_of(filter);
  QuantizedFilter result;
  result.weights = pre_quantized.integers;
  result.scales = pre_quantized.scales;
  const auto [min, max] = std::minmax_element(pre_quantized.integers.begin(), pre_quantized.integers.end());
  result.range = QRange{*min, *max};
  for (std::size_t c = 0; c < pre_quantized.scales.size(); ++c) {
    const double bias = filter.bias[c];
    const auto first = pre_quantized.integers.begin() + static_cast<std::ptrdiff_t>(c * depth);
    if (std::all_of(first, first + static_cast<std::ptrdiff_t>(depth),
                    [](std::int8_t integer) { return integer == 0; })) {
      const double needed = std::abs(bias) / (kMaxBias * double{input.scale}) * kScaleMargin;
      if (needed > double{result.scales[c]}) result.scales[c] = static_cast<float>(needed);
    }
    const double integer = std::nearbyint(bias / (double{input.scale} * double{result.scales[c]}));
    if (!(std::abs(integer) <= double{std::numeric_limits<std::int32_t>::max()})) {
      return Error{ErrorCode::kUnsupported,
                   "the bias of output channel " + std::to_string(c) +
                       " does not fit into int32 at the scale of its input and weights",
                   {}};
    }
    result.bias.push_back(static_cast<std::int32_t>(integer));
  }
  return result;
}

std::optional<Quantization> clamped_quantization(const Quantization& quantization, const Clamp& clamp) {
  Quantization result = quantization;
  result.range = clamped_range(quantization, clamp);
  if (result.range.lo >= result.range.hi || !result.range.contains(result.zero_point)) return std::nullopt;
  return result;
}

}  // namespace narrow::graph
