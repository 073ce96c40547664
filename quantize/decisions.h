// What quantization methods decide, as data: nothing of it is a graph, so it can be copied, compared and changed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "graph/ir.h"
#include "narrow/event.h"
#include "narrow/types.h"

namespace narrow::graph {

// Scale, zero point and range of one tensor.
struct ValueDecision {
  Quantization quantization;
  int bits = 8;  // that were asked for; the range may be narrower
};

// The integers of one convolution or linear layer.
struct LayerDecision {
  QuantizedFilter filter;
  bool is_pre_quantized = false;  // the file's own integers, which no method may change
  bool is_fitted = false;         // weights and bias come from the outputs of the float network
  int dead_channels = 0;          // all weights about zero: their scale has a floor
  int raised_bias_channels = 0;   // their scale was increased so that the bias fits into int32
};

// Indices are those of the float graph that is quantized. What has no decision stays as the graph has it: float32, or
// pre-quantized.
struct Decisions {
  std::vector<std::optional<ValueDecision>> values;  // by ValueId
  std::vector<std::optional<LayerDecision>> layers;  // by node index
  std::vector<Event> log;                            // for the user, in the order of the methods
};

// No decision about anything in `graph`.
[[nodiscard]] Decisions undecided(const Graph& graph);

// The parameters with which the integers of a value are read: those that were decided or, for integers that are
// pre-quantized or copied by lossless operators, those of where they come from. Nothing for a value that has no
// integers.
[[nodiscard]] std::optional<Quantization> integer_quantization(const Graph& graph, const Decisions& decisions,
                                                               const ValueMap<int>& producer, ValueId id);

}  // namespace narrow::graph
