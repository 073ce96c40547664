// Weight integers of pre-quantized layers, and integer ranges of clamps.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// Whether channel c of a pre-quantized filter can be multiplied by `factor` and keep its weight integers. A negative
// factor changes their sign, and 128 is no weight integer. A factor so small that the integers become zero is always
// possible.
[[nodiscard]] bool can_scale_integers(const Filter& filter, std::size_t channel, double factor);

// Multiplies every channel of a pre-quantized filter by its factor: the scale by the absolute value, the weight
// integers by the sign. Float weights become integers * scales again. A factor of zero, or one after which the scale is
// no normal float, makes the integers zero. Precondition: can_scale_integers() for every channel. Returns false if a
// scale leaves the range of float.
[[nodiscard]] bool scale_integers(Filter& filter, const std::vector<double>& factors);

// Adds weight integers to a filter with one weight per channel: weight[c] = +-127 * scales[c]. The float weights are
// rounded to that.
void add_weight_integers(Filter& filter);

// The integers of a pre-quantized filter whose input has this quantization. Its range is that of the weight
// integers. The bias is round(bias / (input scale * weight scale)), half to even, in double. The scale of a channel
// whose integers are all zero has no effect on products; it is increased where the bias requires it.
// Error, without a location: a bias beyond int32. validate() checks everything else.
[[nodiscard]] Result<QuantizedFilter> pre_quantized_filter(const Filter& filter, const Quantization& input);

// The quantization with the clamped range (graph/quantization.h). Nothing if that is no valid range: one integer, or a
// range without the zero point.
[[nodiscard]] std::optional<Quantization> clamped_quantization(const Quantization& quantization, const Clamp& clamp);

}  // namespace narrow::graph
