// Which tensor of a reference network stands in the place of a tensor of another network: that of the same name and
// size, or else what the node of the same name writes. Tools that quantize an ONNX file give tensors new names and keep
// those of nodes.
#pragma once

#include <string>
#include <unordered_map>

#include "graph/ir.h"

namespace narrow {
inline namespace v0 {

class Counterparts {
 public:
  // Both graphs must outlive this.
  Counterparts(const graph::Graph& reference, const graph::Graph& other);

  // The reference's value of the same name and size, or that of the node with the name of its writer, or kNoValue.
  [[nodiscard]] graph::ValueId of(graph::ValueId id) const;
  // As of(), for a value that is fed. A Quantize or Dequantize that only the other network has is looked through.
  [[nodiscard]] graph::ValueId of_input(graph::ValueId id) const;

 private:
  const graph::Graph& reference_;
  const graph::Graph& other_;
  std::unordered_map<std::string, graph::ValueId> by_name_;
  std::unordered_map<std::string, graph::ValueId> by_node_;  // of the node that writes it
  std::unordered_map<graph::ValueId, std::size_t> writer_;
};

}  // namespace v0
}  // namespace narrow
