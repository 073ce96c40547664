// Integer weights as the origin states them, and integer ranges as clamps state them.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "graph/ir.h"

namespace narrow::graph {

// True when channel c of a filter with weight codes can be multiplied by `factor` and keep its codes: a negative factor
// changes their sign, and 128 is no code. A factor so small that it makes the codes zero always can.
[[nodiscard]] bool can_scale_codes(const Filter& filter, std::size_t channel, double factor);

// Multiplies every channel of a filter with weight codes by its factor: into the scale, the sign into the codes. Float
// weights become codes * scales again. A factor of zero, or one that leaves no normal float, makes the codes zero.
// Precondition: can_scale_codes() for every channel. False: a scale leaves the range of float.
[[nodiscard]] bool scale_codes(Filter& filter, const std::vector<double>& factors);

// One weight per channel as codes: weight[c] = +-127 * scales[c] up to one float rounding, which is done to the weights
// too.
void state_codes_per_channel(Filter& filter);

// A filter with weight codes for an input with this quantization, as stated: its range is that of the codes, the bias
// is round(bias / (input scale * weight scale)), half to even, in double. The scale of a channel whose codes are all
// zero means nothing; it is raised where the bias needs it.
// Error, without a place: a bias beyond int32. The rest is checked by validate().
[[nodiscard]] Result<QuantizedFilter> stated_filter(const Filter& filter, const Quantization& input);

// The quantization with the clamped range (graph/quantization.h). Nothing where it is no range of a tensor: one
// integer, or the zero point is not in it.
[[nodiscard]] std::optional<Quantization> clamped_quantization(const Quantization& quantization, const Clamp& clamp);

}  // namespace narrow::graph
