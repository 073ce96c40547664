// Constants of a file as the weights of a convolution or linear layer.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Where the weight of (output o, tap t, input i of its group) is: element o_start[o] + t * tap_step + in_step * i' of
// the constant, with i' = in_order[i], or i where in_order is empty.
struct WeightLayout {
  std::vector<std::int64_t> out_start;
  std::int64_t taps = 1;
  std::int64_t in = 0;
  std::int64_t tap_step = 1;
  std::int64_t in_step = 1;
  std::vector<std::int64_t> in_order;
  int out_axis = 0;  // scales that differ along another dimension are no scales of outputs
  float factor = 1;  // all weights are multiplied by it
};

// A filter whose input may have to be repeated.
struct Weights {
  graph::Filter filter;  // without bias; inputs [copy][input of the group]
  // Codes that do not fit into int8 (uint8 weights far from their zero point) are a sum of so many that do, and the
  // layer reads as many copies of its input. 1: they fit.
  int copies = 1;
  bool codes_are_lost = false;  // the constant states codes that the layer can't use
};

// Weights [outputs, taps, copies * inputs], with codes where the constant states them per output.
// in_axis: so many inputs of a tap are consecutive in the layer's input and repeated together; 0: all of them.
[[nodiscard]] Weights read_weights(const Constant& constant, const WeightLayout& layout, std::int64_t in_axis = 0);

// What the layer reads: `value`, [H, W, C], or a value [H, W, copies * C] in which each of `groups` groups finds its
// copies side by side.
[[nodiscard]] Result<graph::ValueId> input_for(Lowering& lowering, const Node& node, graph::ValueId value,
                                               const Weights& weights, int groups);

}  // namespace narrow::onnx
