// Layer normalization, which exporters for operator sets before 17 write as several nodes.
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
  std::vector<std::int64_t> axes;  // as in the file
  float epsilon = 0;
  // indices of all nodes but the last; only these nodes and the last read their outputs
  std::vector<std::size_t> others;
};

// Keyed by the index of the last node in the model's nodes. Precondition: constants are bound.
[[nodiscard]] std::unordered_map<std::size_t, LayerNormParts> find_layer_norms(const Lowering& lowering);

// Binds the output of the last node. The scale and shift that may follow are nodes of their own.
[[nodiscard]] Status lower_layer_norm_parts(Lowering& lowering, const LayerNormParts& parts);

}  // namespace narrow::onnx
