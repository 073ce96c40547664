// One node in float: chooses the loop for its operator.
#pragma once

#include <span>

#include "graph/ir.h"

namespace narrow::graph {

// A value's elements while the network runs.
struct FloatTensor {
  float* data = nullptr;
  TensorShape shape;
};

// Computes the node's output, [height, width, channels], from real numbers. Precondition: a node that the executor
// accepts, without weights, and no Quantize; no input is the output, except where moves_no_byte() or Dequantize make
// them one buffer.
void run_node(const Node& node, std::span<const FloatTensor> inputs, const FloatTensor& output);

}  // namespace narrow::graph
