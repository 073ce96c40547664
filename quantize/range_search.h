// Ranges that follow from how often each value occurs, and from the bits of the tensor.
#pragma once

#include "narrow/types.h"
#include "quantize/statistics/histogram.h"
#include "quantize/statistics/observer.h"

namespace narrow::graph {

// The range whose rounding to `bits` has the smallest sum of |rounded - value|^norm, where values beyond `clamp` count
// as its ends. A small norm cuts off rare large values, a large one keeps them. extremes: of the same values; the
// result lies within them. norm >= 1. (Choi et al., "Bridging the Accuracy Gap for 2-bit Quantized Neural Networks",
// 2018; Nahshan et al., "Loss Aware Post-training Quantization", 2019, section 3: norms between 2 and 4.)
[[nodiscard]] Extremes search_range(const Histogram& histogram, const Extremes& extremes, int bits, const Clamp& clamp,
                                    double norm);

// The range that leaves out the part 1 - percentile / 100 of all values, from both ends together: the smallest
// and the largest values are cut where as many are beyond. Zero is always within. percentile in (50, 100].
[[nodiscard]] Extremes percentile_range(const Histogram& histogram, const Extremes& extremes, double percentile);

}  // namespace narrow::graph
