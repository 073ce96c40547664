// The time that an integer network takes on this machine.
#pragma once

#include "graph/ir.h"
#include "quantize/mixed_bits.h"

namespace narrow {
inline namespace v0 {

// On one thread, with the fastest instruction set. Measured is the median of several runs on zeros.
[[nodiscard]] Result<graph::NetworkTime> time_network(const graph::Graph& integers, bool measure,
                                                      const Cancellation* cancellation);

}  // namespace v0
}  // namespace narrow
