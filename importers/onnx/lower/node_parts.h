// Finding nodes that together compute what one operator does: from the last one back to the first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "importers/onnx/lower/lowering.h"

namespace narrow::onnx {

class NodeParts {
 public:
  // Precondition: constants are bound. `lowering` must outlive this.
  explicit NodeParts(const Lowering& lowering);

  [[nodiscard]] const Node& node(std::size_t i) const { return lowering_.model.nodes[i]; }
  // Whether the node is this operator of ONNX's own domain.
  [[nodiscard]] static bool is(const Node& node, std::string_view op_type);

  // The node that computes `name`, if it has this operator, an input and no long attribute. It is added to the parts.
  // nullptr: there is none.
  const Node* made_by(const std::string& name, std::string_view op_type);
  // The value of a constant input with one element.
  [[nodiscard]] std::optional<float> number(const Node& node, std::size_t i) const;
  // Integers of an attribute, or else of constant input `i`. Nothing: there are none, or more than any part has.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> numbers(const Node& node, const char* attribute,
                                                                 std::size_t i) const;
  // The axes of a reduction that keeps the reduced dimensions, as in the file.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> kept_axes(const Node& reduction) const;

  // Indices of the parts so far, each once, without the last node.
  [[nodiscard]] const std::vector<std::size_t>& others() const { return others_; }
  // Removes the parts from number `from` on.
  void forget(std::size_t from = 0) { others_.resize(from); }
  // Whether only these nodes and the last read what these nodes compute.
  [[nodiscard]] bool no_other_node_reads(const std::vector<std::size_t>& parts, std::size_t last) const;

 private:
  const Lowering& lowering_;
  std::unordered_map<std::string_view, std::size_t> makers_;
  std::unordered_map<std::string_view, std::vector<std::size_t>> readers_;  // each once
  std::unordered_set<std::string_view> outputs_;
  std::vector<std::size_t> others_;
};

}  // namespace narrow::onnx
