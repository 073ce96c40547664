// One node without weights whose integers are simulated.
#pragma once

#include <span>
#include <vector>

#include "floating/float_nodes.h"
#include "floating/levels.h"
#include "graph/ir.h"

namespace narrow::graph {

// Reads real numbers, takes them for the levels of the inputs' quantization, computes the integers of docs/numerics.md
// ("The others, on uint8") and writes the real numbers that they mean.
class IntegerNode {
 public:
  // Whether the operator has a formula on integers: Activation, Concat, Add, Subtract, Multiply, Function and averages.
  // Lossless operators need none, as they move real numbers just as well.
  [[nodiscard]] static bool has_formula(const Op& op);

  // node: has_formula() is true; borrowed. inputs, output: quantization of its values.
  IntegerNode(const Node& node, std::span<const Quantization> inputs, const Quantization& output);

  // Tensors of [height, width, channels]; no input is the output.
  void run(std::span<const FloatTensor> inputs, const FloatTensor& output) const;

 private:
  struct Run;

  const Node* node_;
  std::vector<Levels> inputs_;
  Levels output_;
  std::vector<float> table_;  // of a Function: the real number for each byte, [rows, 256]
};

}  // namespace narrow::graph
