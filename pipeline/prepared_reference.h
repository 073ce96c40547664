// A float network prepared as a model that was made of it (quantize/prepare_network.h), so that the two can be compared
// tensor by tensor. A model file does not hold how it was prepared: it is found by comparing.
#pragma once

#include <cstddef>
#include <optional>

#include "graph/ir.h"
#include "narrow/quantize_options.h"
#include "narrow/result.h"

namespace narrow {
inline namespace v0 {

struct PreparedReference {
  graph::Graph graph;          // computes what the reference computes
  std::size_t mixed_sets = 0;  // of tensors whose channels are mixed (quantize/mix_channels.h)
  std::size_t copies = 0;      // of residual tensors, which layers read (quantize/narrow_copies.h)
};

// Nothing where the reference is no float network, or the model was not prepared in these two ways; factors of channels
// are found by find_channel_factors(). Copies have the model's names; mixing is found by mix_as(). Errors: those of
// running the networks.
[[nodiscard]] Result<std::optional<PreparedReference>> prepare_reference(const graph::Graph& reference,
                                                                         const graph::Graph& model,
                                                                         const CalibrationInputs& inputs);

}  // namespace v0
}  // namespace narrow
