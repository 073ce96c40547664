// LayerNormalization in the parts of which exporters for operator sets before 17 build it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// d / Sqrt(ReduceMean(d^2) + epsilon) with d = x - ReduceMean(x), both means over the same axes.
struct LayerNormParts {
  Node whole;                      // reads x and has the name and the output of the last node
  std::vector<std::int64_t> axes;  // as the file has them
  float epsilon = 0;
  std::vector<std::size_t> others;  // the nodes but the last, by index; only the parts read what they compute
};

// By the index of the last node in the model's nodes. Constants are bound already.
[[nodiscard]] std::unordered_map<std::size_t, LayerNormParts> find_layer_norms(const Lowering& lowering);

// Binds the output of the last node. The scale and shift that may follow are nodes like others.
[[nodiscard]] Status lower_layer_norm_parts(Lowering& lowering, const LayerNormParts& parts);

}  // namespace narrow::onnx
