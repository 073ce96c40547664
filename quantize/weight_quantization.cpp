#include "quantize/weight_quantization.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "base/arithmetic.h"
#include "base/cancelled.h"
#include "base/text.h"
#include "base/try.h"
#include "graph/limits.h"

namespace narrow::graph {

using base::in_quotes;
using base::number_text;

namespace {

constexpr std::int64_t kMaxAccumulator = std::numeric_limits<std::int32_t>::max();
// What the products must leave for the bias before the range of weights is narrowed for it.
constexpr std::int64_t kReservedForBias = std::int64_t{1} << 24;
// Twice the smallest normal float, so that rounding a multiplier to single precision keeps it normal.
constexpr double kMinMultiplier = 0x1p-125;
// Covers the rounding of a scale to single precision.
constexpr double kScaleMargin = 1.0 + 0x1p-20;

double largest_magnitude(const float* begin, const float* end) {
  double largest = 0;
  for (const float* w = begin; w != end; ++w) largest = std::max(largest, std::abs(double{*w}));
  return largest;
}

// The largest sum of products that the ranges allow, for one unit of the largest weight. Less than 2^40.
std::int64_t largest_input_sum(const Quantization& input, std::size_t depth) {
  return base::accumulator_bound(static_cast<std::int64_t>(depth), input.range, input.zero_point, 1);
}

// The largest |bias| that leaves space in int32 for the products.
std::int64_t largest_bias(const Quantization& input, std::size_t depth, std::int32_t largest_weight) {
  return std::min(kMaxBias, kMaxAccumulator - largest_input_sum(input, depth) * largest_weight);
}

std::int32_t rounded_bias(double bias, double input_scale, double weight_scale, std::int64_t largest) {
  const double integer = std::nearbyint(bias / (input_scale * weight_scale));
  const auto limit = static_cast<double>(largest);
  return static_cast<std::int32_t>(std::clamp(integer, -limit, limit));
}

// Error: a scale that is too large.
Status set_scales(const FilterSetting& setting, const std::vector<double>& scales, QuantizedFilter& filter) {
  const double out_scale = setting.output_scale ? double{*setting.output_scale} : 1.0;
  for (std::size_t c = 0; c < scales.size(); ++c) {
    const double multiplier = scales[c] * double{setting.input.scale} / out_scale;
    if (!(scales[c] <= kMaxScale) || !(multiplier <= kMaxScale)) {
      return Error{ErrorCode::kUnsupported,
                   "output channel " + std::to_string(c) + " would need the weight scale " + number_text(scales[c]) +
                       " and the multiplier " + number_text(multiplier) + "; check its weights and bias",
                   setting.layer};
    }
    filter.scales.push_back(static_cast<float>(scales[c]));
  }
  return {};
}

class FilterQuantizer {
 public:
  FilterQuantizer(const Filter& filter, const FilterSetting& setting)
      : filter_(filter),
        setting_(setting),
        latch_(setting.cancellation),
        channels_(filter.bias.size()),
        depth_(filter.weights.size() / filter.bias.size()) {
    result_.report.layer = setting.layer;
    result_.report.bits = setting.bits;
  }

  Result<QuantizedWeights> run() {
    NARROW_TRY(choose_range());
    NARROW_TRY(choose_scales());
    quantize();
    NARROW_TRY(latch_.status());
    if (!setting_.expected_input.empty()) {
      NARROW_TRY(correct_bias(filter_, setting_.input, setting_.expected_input, result_.filter, setting_.cancellation));
    }
    return std::move(result_);
  }

  Result<FilterLimits> limits() {
    NARROW_TRY(choose_range());
    FilterLimits limits;
    limits.range = result_.filter.range;
    limits.largest_bias = max_bias_;
    limits.log = std::move(result_.log);
    const std::vector<double> ideal = ideal_scales();
    NARROW_TRY(latch_.status());
    const double least_of_all = least_scale(ideal);
    const double dead = floor_of_dead(ideal);
    for (std::size_t c = 0; c < channels_; ++c) {
      if (ideal[c] < dead) ++limits.dead_channels;
      limits.least_scales.push_back(std::max({least_of_all, least_scale_for_bias(c), least_scale_for_lanes(c)}));
    }
    limits.one_scale = setting_.per_tensor;
    if (setting_.per_tensor) {
      std::vector<double>& least = limits.least_scales;
      std::fill(least.begin(), least.end(), *std::max_element(least.begin(), least.end()));
    }
    return limits;
  }

 private:
  // The range that the bits allow, narrower for a layer so deep that int32 could not hold its sums; and what such sums
  // leave for the bias.
  Status choose_range() {
    const std::int64_t unit = largest_input_sum(setting_.input, depth_);
    std::int64_t hi = QRange::weights(setting_.bits).hi;
    if (unit * hi > kMaxAccumulator - kReservedForBias) {
      hi = (kMaxAccumulator - kReservedForBias) / unit;
      if (hi < 1) {
        return Error{ErrorCode::kUnsupported,
                     "sums " + std::to_string(depth_) +
                         " products, too many for an int32 accumulator; use fewer bits for its input",
                     setting_.layer};
      }
      result_.log.push_back({Event::Kind::kNote, setting_.layer,
                             in_quotes(setting_.layer) + ": weights narrowed to +-" + std::to_string(hi) +
                                 ", because " + std::to_string(depth_) + " products of more would overflow int32"});
    }
    result_.filter.range = QRange{static_cast<std::int32_t>(-hi), static_cast<std::int32_t>(hi)};
    max_bias_ = largest_bias(setting_.input, depth_, result_.filter.range.hi);
    return {};
  }

  // [channels]: scales that just hold the largest weight.
  [[nodiscard]] std::vector<double> ideal_scales() {
    std::vector<double> ideal(channels_);
    for (std::size_t c = 0; c < channels_ && !latch_.seen(); ++c) {
      const float* weights = filter_.weights.data() + c * depth_;
      ideal[c] = largest_magnitude(weights, weights + depth_) / result_.filter.range.hi;
    }
    return ideal;
  }

  [[nodiscard]] static double floor_of_dead(const std::vector<double>& ideal) {
    return std::max(*std::max_element(ideal.begin(), ideal.end()) * kDeadChannelRatio, kMinWeightScale);
  }

  // Of every channel, whatever its bias.
  [[nodiscard]] double least_scale(const std::vector<double>& ideal) const {
    const double out_scale = setting_.output_scale ? double{*setting_.output_scale} : 1.0;
    return std::max(floor_of_dead(ideal), kMinMultiplier * out_scale / double{setting_.input.scale});
  }

  [[nodiscard]] double least_scale_for_bias(std::size_t channel) const {
    return std::abs(double{filter_.bias[channel]}) / (static_cast<double>(max_bias_) * double{setting_.input.scale}) *
           kScaleMargin;
  }

  // With it, sums before rounding are as large as lanes can add.
  [[nodiscard]] double least_scale_for_lanes(std::size_t channel) const {
    if (!setting_.lanes.is_set()) return 0;
    return largest_lane_sum(filter_.weights.data() + channel * depth_, depth_, setting_.lanes) /
           setting_.lanes.largest_sum;
  }

  // The least scale from `scale` on with which the nearest integers keep to the limit of lanes.
  [[nodiscard]] double raised_for_lanes(std::size_t channel, double scale) const {
    if (!setting_.lanes.is_set()) return scale;
    constexpr double kRaise = 1 + 0x1p-6;
    std::vector<double> integers(depth_);
    scale = std::max(scale, least_scale_for_lanes(channel));
    while (true) {
      for (std::size_t i = 0; i < depth_; ++i) {
        integers[i] = std::nearbyint(double{filter_.weights[channel * depth_ + i]} / scale);
      }
      if (!(largest_lane_sum(integers.data(), depth_, setting_.lanes) > setting_.lanes.largest_sum)) {
        return scale;
      }
      scale *= kRaise;
    }
  }

  Status choose_scales() {
    const std::vector<double> ideal = ideal_scales();
    NARROW_TRY(latch_.status());
    const double layer = *std::max_element(ideal.begin(), ideal.end());
    const double least = least_scale(ideal);
    const double dead = floor_of_dead(ideal);
    std::vector<double> scales(channels_);
    for (std::size_t c = 0; c < channels_ && !latch_.seen(); ++c) {
      if (ideal[c] < dead) ++result_.report.dead_channels;
      double scale = std::max(setting_.per_tensor ? layer : ideal[c], least);
      if (const double for_bias = least_scale_for_bias(c); for_bias > scale) {
        ++result_.report.raised_bias_channels;
        scale = for_bias;
      }
      scales[c] = raised_for_lanes(c, scale);
    }
    if (setting_.per_tensor) std::fill(scales.begin(), scales.end(), *std::max_element(scales.begin(), scales.end()));
    return set_scales(setting_, scales, result_.filter);
  }

  void quantize() {
    QuantizedFilter& q = result_.filter;
    std::vector<std::int8_t>& weights = q.weights.edit();
    weights.reserve(filter_.weights.size());
    const double lo = q.range.lo;
    const double hi = q.range.hi;
    for (std::size_t c = 0; c < channels_ && !latch_.seen(); ++c) {
      const double scale = q.scales[c];
      for (std::size_t i = c * depth_; i < (c + 1) * depth_; ++i) {
        const double integer = std::nearbyint(double{filter_.weights[i]} / scale);
        weights.push_back(static_cast<std::int8_t>(std::clamp(integer, lo, hi)));
      }
      q.bias.push_back(rounded_bias(filter_.bias[c], setting_.input.scale, scale, max_bias_));
    }
    const auto [min, max] = std::minmax_element(q.scales.begin(), q.scales.end());
    WeightReport& report = result_.report;
    report.scale_min = *min;
    report.scale_max = *max;
    if (report.dead_channels > 0) {
      result_.log.push_back({Event::Kind::kNote, setting_.layer,
                             in_quotes(setting_.layer) + ": " + std::to_string(report.dead_channels) +
                                 " dead channels, their weight scale has a floor"});
    }
    if (report.raised_bias_channels > 0) {
      result_.log.push_back({Event::Kind::kNote, setting_.layer,
                             in_quotes(setting_.layer) + ": weight scale of " +
                                 std::to_string(report.raised_bias_channels) +
                                 " channels increased so that the bias fits"});
    }
  }

  const Filter& filter_;
  const FilterSetting& setting_;
  base::CancelLatch latch_;
  std::size_t channels_;
  std::size_t depth_;
  std::int64_t max_bias_ = kMaxBias;
  QuantizedWeights result_;
};

// How much larger channel c's output is on average, because its weights were rounded.
double mean_error(const Filter& filter, const QuantizedFilter& quantized, const std::vector<double>& expected,
                  std::size_t c) {
  const std::size_t channels = filter.bias.size();
  const std::size_t depth = filter.weights.size() / channels;
  if (depth == 0) return 0;
  const std::size_t groups = expected.size() / depth;
  const std::size_t channels_of_group = groups == 0 ? 0 : channels / groups;
  if (channels_of_group == 0) return 0;
  const double* input = expected.data() + c / channels_of_group * depth;
  const double scale = quantized.scales[c];
  double error = 0;
  for (std::size_t i = 0; i < depth; ++i) {
    const std::size_t w = c * depth + i;
    error += (scale * quantized.weights[w] - double{filter.weights[w]}) * input[i];
  }
  return error;
}

}  // namespace

Status correct_bias(const Filter& filter, const Quantization& input, const std::vector<double>& expected,
                    QuantizedFilter& quantized, const Cancellation* cancellation) {
  const std::size_t depth = filter.weights.size() / filter.bias.size();
  const std::int64_t largest = largest_bias(input, depth, quantized.range.hi);
  for (std::size_t c = 0; c < filter.bias.size(); ++c) {
    NARROW_TRY(base::check_cancelled(cancellation));
    const double bias = double{filter.bias[c]} - mean_error(filter, quantized, expected, c);
    quantized.bias[c] = rounded_bias(bias, input.scale, quantized.scales[c], largest);
  }
  return {};
}

Result<FilterLimits> filter_limits(const Filter& filter, const FilterSetting& setting) {
  return FilterQuantizer(filter, setting).limits();
}

Result<QuantizedFilter> assemble_filter(const FilterSetting& setting, const FilterLimits& limits,
                                        std::vector<std::int8_t> weights, const std::vector<double>& scales,
                                        const std::vector<double>& biases) {
  QuantizedFilter filter;
  filter.range = limits.range;
  filter.weights = std::move(weights);
  NARROW_TRY(set_scales(setting, scales, filter));
  for (std::size_t c = 0; c < biases.size(); ++c) {
    filter.bias.push_back(rounded_bias(biases[c], setting.input.scale, filter.scales[c], limits.largest_bias));
  }
  return filter;
}

Result<QuantizedWeights> quantize_filter(const Filter& filter, const FilterSetting& setting) {
  return FilterQuantizer(filter, setting).run();
}

}  // namespace narrow::graph
