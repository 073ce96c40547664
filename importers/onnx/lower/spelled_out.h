// Operators that a file spells out as several nodes: Softmax, Sigmoid, and padding of a MaxPool. As one node they are
// known for what they are: scores are probabilities, run in float, and no padding is infinite.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

struct SpelledOut {
  Node whole;                       // has the name and the outputs of the last node
  std::vector<std::size_t> others;  // indices of all nodes but the last; only these and the last read their outputs
};

// Keyed by the index of the last node in the model's nodes. Precondition: constants are bound.
//
//   Exp(x - ReduceMax(x)) / ReduceSum(Exp(x - ReduceMax(x))), also without the subtraction: Softmax
//   1 / (1 + Exp(-x)): Sigmoid
//   MaxPool(Pad(x) with -infinity or the lowest number): MaxPool with that padding
[[nodiscard]] std::unordered_map<std::size_t, SpelledOut> find_spelled_out(const Lowering& lowering);

}  // namespace narrow::onnx
