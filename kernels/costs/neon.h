// The costs of the kernels for 64-bit ARM. They were not measured: they count the vector instructions of the inner
// loops on a core that starts two in a cycle. There is no table for each core, so NARROW_CORE has no influence on them.
#pragma once

#include "kernels/costs/constants.h"

namespace narrow::kernels::costs {

// A depth step is 1 input channel and 8 output channels.
constexpr Panel kConvolutionS16Neon{.step = 1, .tile = 8, .load = 2};
// A depth step is 4 input channels and 16 output channels.
constexpr Panel kConvolutionS8NeonDot{.step = 2, .tile = 16, .load = 2};
// There are no lines.
constexpr Depthwise kDepthwiseS16Neon{.tap = 4, .pixel = 12, .line = 0};

}  // namespace narrow::kernels::costs
