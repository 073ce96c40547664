// Computes nodes whose inputs are all constants.
#pragma once

#include <cstdint>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

// Limits the cost of folding, so that a small file can't require any amount of time and memory.
class FoldingBudget {
 public:
  // `model` must outlive this.
  explicit FoldingBudget(const Model& model) : model_(model) {}
  // Adds the cost of a node. Error (kLimit): all nodes so far cost more than a network of this file can require.
  [[nodiscard]] Status spend(const Node& node, const std::vector<const Tensor*>& inputs,
                             const std::vector<Tensor>& outputs);

 private:
  const Model& model_;
  std::int64_t elements_ = 0;  // read and written
  std::int64_t bytes_ = 0;     // of all outputs
};

// Binds the node's outputs if all its inputs are constants and it can be computed. Returns false if the operator's
// handler has to lower it. Quantized constants keep their integers across operators that only move or rename elements.
[[nodiscard]] Result<bool> fold_node(Lowering& lowering, FoldingBudget& budget, const Node& node);

}  // namespace narrow::onnx
