// Bits of activations that cost no time (QuantizeOptions::free_bits).
#pragma once

#include "graph/ir.h"
#include "narrow/quantize_options.h"

namespace narrow::graph {

// Bits that a layer with weights requires of what it reads: those that are asked for, or more where fewer would save
// no time, docs/numerics.md. weight_bits: of the layer.
[[nodiscard]] int bits_for_reader(const Node& layer, int weight_bits, const QuantizeOptions& options);

}  // namespace narrow::graph
