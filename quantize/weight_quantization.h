// Integer weights, scales and bias of one convolution or linear layer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/cancellation.h"
#include "narrow/event.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"
#include "quantize/lane_sums.h"

namespace narrow::graph {

// A channel whose scale would be below this part of the layer's largest is dead: its weights are noise beside the
// others', and a scale made for them would only make the bias overflow.
inline constexpr double kDeadChannelRatio = 0x1p-20;
// No weight scale is smaller, whatever the weights.
inline constexpr double kMinWeightScale = 0x1p-100;
// Largest |bias| as an integer: leaves as much of the int32 accumulator to the products.
inline constexpr std::int64_t kMaxBias = std::int64_t{1} << 30;

struct FilterSetting {
  std::string layer;  // for errors and the report
  int bits = 8;       // 2..8
  bool per_tensor = false;
  Quantization input;
  std::optional<float> output_scale;  // nothing: the layer writes float32
  LaneLimit lanes;                    // steps are raised until the sums keep to it
  // [groups, weights of one output channel]: what each weight is multiplied with on average, see expected_input.h.
  // Empty: the bias is not corrected.
  std::vector<double> expected_input;
  const Cancellation* cancellation = nullptr;  // ends the work with kCancelled between two channels; may be null
};

struct QuantizedWeights {
  QuantizedFilter filter;
  WeightReport report;
  std::vector<Event> log;  // for the user: channels with an increased scale, a narrowed range
};

// What the integers of a layer have to keep to, whoever chooses them.
struct FilterLimits {
  QRange range;                      // of weights: what the bits allow, less where int32 could not hold the sums
  std::int64_t largest_bias = 0;     // magnitude
  std::vector<double> least_scales;  // [channels]: smaller ones would overflow a bias or make a multiplier subnormal
  bool one_scale = false;            // the same for all channels
  int dead_channels = 0;             // all weights about zero
  std::vector<Event> log;
};
// Error: kUnsupported where the layer is too deep for int32.
[[nodiscard]] Result<FilterLimits> filter_limits(const Filter& filter, const FilterSetting& setting);

// Integers that were chosen elsewhere as a filter. weights: as Filter::weights, within limits.range; scales, biases
// (real numbers): [channels]. Error: as quantize_filter(), a scale or multiplier that is too large.
[[nodiscard]] Result<QuantizedFilter> assemble_filter(const FilterSetting& setting, const FilterLimits& limits,
                                                      std::vector<std::int8_t> weights,
                                                      const std::vector<double>& scales,
                                                      const std::vector<double>& biases);

// Rounds the biases anew, so that the mean error that the rounded weights cause is out of them. filter: float; input:
// the parameters of the layer's input; expected: as FilterSetting::expected_input, not empty; `quantized`: what
// quantize_filter() made of `filter`. (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
// Correction", 2019, section 4.2.)
// cancellation: may be null. Error: kCancelled.
[[nodiscard]] Status correct_bias(const Filter& filter, const Quantization& input, const std::vector<double>& expected,
                                  QuantizedFilter& quantized, const Cancellation* cancellation = nullptr);

// Symmetric, scale = max |w| / hi per output channel, weights rounded half to even. Scales are raised where the bias,
// the accumulator or the multiplier requires it; the mean error of rounded weights is taken out of the bias. Formulas:
// docs/numerics.md, "Choosing weight parameters". Precondition: filter.bias has one element per output channel, and
// weights a multiple of that; all are finite. Error: kUnsupported where the layer is too deep for int32, or a
// multiplier cannot be a normal float.
[[nodiscard]] Result<QuantizedWeights> quantize_filter(const Filter& filter, const FilterSetting& setting);

}  // namespace narrow::graph
