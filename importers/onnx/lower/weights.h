// Reads constants of a file as the weights of a convolution or linear layer.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/ir.h"
#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// The location of weights in the constant. The weight of (output o, tap t, input i of its group) is element
// out_start[o] + t * tap_step + in_step * i', with i' = in_order[i], or i if in_order is empty.
struct WeightLayout {
  std::vector<std::int64_t> out_start;
  std::int64_t taps = 1;
  std::int64_t in = 0;
  std::int64_t tap_step = 1;
  std::int64_t in_step = 1;
  std::vector<std::int64_t> in_order;
  int out_axis = 0;  // the only dimension along which scales may differ
  float factor = 1;  // multiplies all weights
};

// A filter, and how often its input is repeated.
struct Weights {
  graph::Filter filter;  // without bias; the inputs of a tap are [copy][input of the group]
  // Weight integers that do not fit into int8 (uint8 weights far from their zero point) become sums of several int8,
  // and the layer reads that number of copies of its input. 1: all of them fit.
  int copies = 1;
  bool integers_are_lost = false;  // the file has integers that the layer can't use
};

// Reads weights [outputs, taps, copies * inputs], with weight integers if the file has them with scales per tensor or
// per output. in_axis: number of consecutive inputs of a tap that are repeated together; 0: all of them.
[[nodiscard]] Weights read_weights(const Constant& constant, const WeightLayout& layout, std::int64_t in_axis = 0);

// The input of the layer: `value`, [H, W, C], or a value [H, W, copies * C] in which the copies of each of `groups`
// groups are neighbours.
[[nodiscard]] Result<graph::ValueId> input_for(Lowering& lowering, const Node& node, graph::ValueId value,
                                               const Weights& weights, int groups);

}  // namespace narrow::onnx
