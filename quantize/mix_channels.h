// Mixing of channels: what a layer without an activation function writes is multiplied by an invertible matrix, and the
// layers that read it by the inverse. The network computes the same, but a tensor of which all channels take part in
// every value has no rare large channel, and rounding it disturbs the layers that read it less. Formula and derivation:
// docs/numerics.md, "Mixing of channels". (Language models are rotated for the same reason: Ashkboos et al., "QuaRot:
// Outlier-Free 4-Bit Inference in Rotated LLMs", 2024.)
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "base/cancelled.h"
#include "graph/ir.h"
#include "quantize/channel_sets.h"

namespace narrow::graph {

// Both [channels, channels], each the inverse of the other.
struct Mixing {
  std::size_t channels = 0;
  std::vector<double> forward;  // new channel a is the sum of forward[a, c] * channel c
  std::vector<double> inverse;
};

// The time grows with the cube of the channels.
inline constexpr std::size_t kMostMixedChannels = 1024;

// The mixing for which the rounding of the tensors that layers read disturbs these least, with the mean squares that
// the channels had. products: of the channels of such a tensor, the mean of x[a] * x[b], [channels, channels]; the mean
// over several tensors. Nothing where a channel is not finite or all are zero, and where the latch, which may be null,
// is seen; a decomposition of many channels is not interrupted.
[[nodiscard]] std::optional<Mixing> best_mixing(const Graph& graph, const ChannelSet& tensors,
                                                std::span<const double> products, base::CancelLatch* latch = nullptr);

// Changes the filters and biases of the layers that write the tensors, and the weights of those that read them. The
// weights of other copies of the graph stay as they are. Precondition: the set is one of mixable_sets().
void apply_mixing(const ChannelSet& tensors, const Mixing& mixing, Graph& graph);

}  // namespace narrow::graph
