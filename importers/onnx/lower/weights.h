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
  // The outputs of the constant that these are; empty: all of them. For scales, which have one index per output.
  std::vector<std::int64_t> outputs;
  float factor = 1;  // multiplies all weights
};

// A filter, and which of its inputs it reads again.
struct Weights {
  graph::Filter filter;  // without bias; the inputs of a tap are those of the group, then the repeated ones
  // Weight integers that do not fit into int8 (uint8 weights far from their zero point) become sums of several int8.
  // The layer then reads the inputs of such weights again, and no others: indices into the inputs of a group.
  std::vector<std::int64_t> repeated;
  bool integers_are_lost = false;  // the file has integers that the layer can't use
};

// Reads weights [outputs, taps, inputs and repeated inputs], with weight integers if the file has them with scales per
// tensor or per output. in_axis: number of consecutive inputs of a tap that are the channels of a pixel, each with its
// own repetitions; 0: all of them.
[[nodiscard]] Weights read_weights(const Constant& constant, const WeightLayout& layout, std::int64_t in_axis = 0);

// By output: whether one of its weight integers does not fit into int8. Empty: the constant has none that a layer can
// use.
[[nodiscard]] std::vector<bool> outputs_beyond_int8(const Constant& constant, const WeightLayout& layout);

// The input of the layer: `value`, [H, W, C], or a value in which the channels of each of `groups` groups are followed
// by the repeated ones.
[[nodiscard]] Result<graph::ValueId> input_for(Lowering& lowering, const Node& node, graph::ValueId value,
                                               const Weights& weights, int groups);

}  // namespace narrow::onnx
