// One node in float: chooses the loop for its operator.
#pragma once

#include <span>

#include "graph/ir.h"

namespace narrow::graph {

// The elements of a value while the network runs.
struct FloatTensor {
  float* data = nullptr;
  TensorShape shape;
};

// Computes the node's output, [height, width, channels], from real numbers. Preconditions: the executor accepts the
// node; it has no weights and is no Quantize; the output is no input, except where moves_no_byte() or Dequantize let
// both share a buffer.
void run_node(const Node& node, std::span<const FloatTensor> inputs, const FloatTensor& output);

}  // namespace narrow::graph
