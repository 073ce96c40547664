// One node without weights on integers, simulated exactly.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "floating/float_nodes.h"
#include "floating/levels.h"
#include "graph/ir.h"

namespace narrow::graph {

// Reads real numbers and converts them to the levels of the inputs' quantization. Computes the integers of
// docs/numerics.md ("The others, on uint8"). Writes the real numbers of these integers.
class IntegerNode {
 public:
  // Whether the operator has a formula on integers: Activation, Concat, Function, averages and those on two tensors.
  // Lossless operators have none, because they also move real numbers exactly.
  [[nodiscard]] static bool has_formula(const Op& op);

  // node: has_formula() is true for its operator; must outlive this. inputs, output: quantization of its values. One
  // input of an Add may have none: the sum is then rounded once.
  IntegerNode(const Node& node, std::span<const std::optional<Quantization>> inputs, const Quantization& output);

  // All tensors are [height, width, channels]. The output is none of the inputs.
  void run(std::span<const FloatTensor> inputs, const FloatTensor& output) const;

 private:
  struct Run;

  const Node* node_;
  std::vector<std::optional<Levels>> inputs_;
  Levels output_;
  std::vector<float> table_;  // for Function: the real number of each byte, [rows, 256]
};

}  // namespace narrow::graph
