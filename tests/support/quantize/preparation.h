// Options for tests of what comes after the preparation of a network.
#pragma once

#include "narrow/quantize_options.h"

namespace narrow::testing {

// The network is quantized as it is.
inline void leave_network_as_it_is(QuantizeOptions& options) {
  options.equalization = Preparation::kOff;
  options.channel_mixing = Preparation::kOff;
  options.residual_copies = Preparation::kOff;
}

}  // namespace narrow::testing
